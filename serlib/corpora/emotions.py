"""Names of emotions: those that the project shows, other spellings, and a reader's choice among them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from serlib.corpora.corpus import CorpusError
from serlib.corpora.scan import shown

# The seven that every corpus of one's own is read with, and five that are taken in when they are asked for.
EMOTIONS = {
    "anger": "angry ang", "boredom": "bored bor", "disgust": "disgusted dis", "fear": "fearful afraid anxiety fea",
    "happiness": "happy hap joy joyful", "neutral": "neu", "sadness": "sad",
}  # fmt: skip
MORE = {
    "calm": "calmness cal", "contempt": "contemptuous con", "excitement": "excited exc",
    "frustration": "frustrated fru", "surprise": "surprised sur",
}  # fmt: skip


def spellings(emotions: Mapping[str, str]) -> dict[str, str]:
    """Return the emotion that each spelling means, from emotions and their other spellings."""
    return {word: emotion for emotion, others in emotions.items() for word in [emotion, *others.split()]}


def ordered(emotions: Iterable[str]) -> tuple[str, ...]:
    """Return different emotions in the order of classes: the seven, then others, each by the alphabet."""
    return tuple(sorted(set(emotions), key=lambda emotion: (emotion not in EMOTIONS, emotion)))


def meanings(name: str, emotions: Any, known: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str | None]:
    """Return what each label of corpus ``name`` means, None for those that are left out.

    ``emotions`` is the option of ``load_corpus``; ``known`` and ``more`` map labels to emotions, read unasked or asked.

    Raises:
        CorpusError: for an option that is none.
    """
    every = {**known, **more}
    if emotions is None:
        return dict(known)
    new = [each for each in emotions.values() if each is not None] if isinstance(emotions, Mapping) else [None]
    if all(isinstance(each, str) and each.strip() for each in new):
        return {**known, **{str(label).strip().lower(): emotion for label, emotion in emotions.items()}}
    names = [each.strip() for each in emotions.split(",")] if isinstance(emotions, str) else emotions
    names = list(every.values()) if emotions == "all" else names
    if isinstance(names, Sequence) and names and all(each in list(every.values()) for each in names):
        return {label: emotion if emotion in names else None for label, emotion in every.items()}
    allowed = f"'all', some of {', '.join(ordered(every.values()))}, or a mapping, such as "
    raise CorpusError(f"{name}: emotions is {emotions!r}; allowed are {allowed}{{'joy': 'happiness', 'fear': None}}")


def unknown(rows: pd.DataFrame, root: Path) -> str:
    """Say which labels of a table's ``rows`` have no meaning, and what can be pasted to give them one."""
    labels = rows.groupby("raw_label", sort=False)["file"].agg(["size", "first"])
    counted = ", ".join(f"{label!r} ({n}, first {shown(first, root)})" for label, n, first in labels.itertuples())
    pasted = {label: spellings(MORE).get(label.lower()) for label in labels.index}
    return (
        f"unknown emotions {counted}; allowed are {', '.join(EMOTIONS)}, their usual spellings, others by\n"
        f"  emotions={pasted!r}, where None leaves out\n"
        f"  --option 'emotions={json.dumps(pasted, ensure_ascii=False)}' on the command line\n"
        f"  emotions='all', which takes in {', '.join(MORE)}"
    )
