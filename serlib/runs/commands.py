"""The command lines that make runs, as pages and cards tell them."""

import json
from collections.abc import Iterable
from shlex import quote

from serlib.corpora.corpus import Corpus


def source_of(corpus: Corpus | str) -> str:
    """Return the arguments that name a corpus; of a Corpus with the options that it was loaded with.

    >>> source_of("audb-emodb")
    '--corpus audb --root emodb'
    """
    name, asked = (corpus, {}) if isinstance(corpus, str) else (corpus.name, corpus.asked)
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in asked.items()}
    source, _, database = name.partition("audb-")
    options = [f"--option {quote(f'{key}={text}')}" for key, text in texts.items()]
    return " ".join([f"--corpus {source or 'audb'} --root {database or 'DIR'}", *options])


def command_of(corpus: Corpus | str, profile: str, scheme: str, seeds: Iterable[int], methods: Iterable[str]) -> str:
    """Return the command line that makes runs."""
    what = f"--profile {profile} --folds {scheme} --seeds {' '.join(map(str, seeds))} --method {' '.join(methods)}"
    return f"serlib run {source_of(corpus)} {what}"
