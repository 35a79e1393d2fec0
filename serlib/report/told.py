"""What a page says of its own numbers: the opening, the line above a table of scores, verdicts, and warnings."""

import re
from collections.abc import Iterable, Sequence

import pandas as pd

from serlib import methods
from serlib.corpora import Corpus
from serlib.protocol import Comparison, Scores
from serlib.protocol.intervals import LEVEL
from serlib.runs import stored_scores
from serlib.runs.commands import command_of

OPENING = "## What came out on "


def held(
    corpus: Corpus | str, names: Iterable[str], *, profile: str, scheme: str, seeds: Sequence[int] | None = None
) -> tuple[dict[str, Scores], str]:
    """Return the committed scores of those methods that have some, by name, and what makes the others.

    The second is one sentence with the command, empty where nothing is missing; arguments as of ``stored_scores``.
    """
    found = {n: stored_scores(corpus, n, profile=profile, scheme=scheme, seeds=seeds) for n in dict.fromkeys(names)}
    lacking = [name for name, scores in found.items() if scores is None]
    of = f"{len(lacking)} of {len(found)} results are" if len(found) > 1 else "The result is"
    where = f"{getattr(corpus, 'name', corpus)}, {profile} profile, {scheme}"
    makes = f"`{command_of(corpus, profile, scheme, seeds or [0], lacking)}`, then `serlib results pack`, makes them."
    told = f"{of} not stored yet for {where}; {makes}"
    return {name: scores for name, scores in found.items() if scores is not None}, told * bool(lacking)


def opening(corpus: Corpus, sentences: Iterable[str], *, profile: str, seeds: Sequence[int] = ()) -> None:
    """Show what came out on a corpus: the banner, then one to five sentences (else a ValueError); empty ones fall."""
    told = [sentence for sentence in sentences if sentence]
    if not 1 <= len(told) <= 5:
        raise ValueError(f"an opening of {len(told)} sentences; allowed are 1 to 5")
    parts = [OPENING + corpus.name, banner(corpus, profile=profile, seeds=seeds)]
    say("\n\n".join(filter(None, [*parts, "\n".join(f"- {sentence}" for sentence in told)])))


def say(*lines: str) -> None:
    """Show sentences, in Markdown, with numbers that were computed; of nothing, nothing."""
    from IPython.display import Markdown, display

    if any(lines):
        display(Markdown("\n".join(lines)))


def reveal(*parts: str | pd.DataFrame) -> None:
    """Show an answer, sentences and tables, folded: it stands under a question that asks to predict it first."""
    answer = "\n\n".join(part if isinstance(part, str) else part.to_html(border=0) for part in parts)
    say(f"<details><summary>Reveal</summary>\n\n{answer}\n\n</details>")


def plain(name: object) -> str:
    """Return the name of a file or speaker as Markdown that shows it: a foreign one may be written to do more."""
    return re.sub(r"[^\w\s.,/-]|_", lambda sign: f"&#{ord(sign[0])};", str(name))


def banner(corpus: Corpus, *, profile: str, seeds: Sequence[int] = ()) -> str:
    """Return, as a quotation, what made voices, the quick profile or one seed cannot show; empty where none is."""
    rows = []
    if corpus.synthetic:
        rows.append("**Made voices.** A program spoke, no human did: nothing measured here says anything about people.")
    if profile == "quick":
        rows.append("**Quick profile.** Networks are tiny and stop after a few epochs: it shows that everything works.")
    if rows:
        rows.append("What was measured on EMO-DB: `make report CORPUS=emodb ROOT=path/to/emodb PROFILE=study`.")
        rows.append("Where a sentence names emodb and the study profile, it tells of committed runs on all of EMO-DB.")
    elif len(seeds) == 1:
        rows.append("**One seed.** Trained again, a network may differ by some points; so small a gap means nothing.")
    return "\n>\n".join(f"> {row}" for row in rows)


def measured(scores: Scores | Sequence[Scores], baselines: Iterable[Scores] | None = None) -> str:
    """Return the line above a table: which networks, how trained, on what, and the strongest baseline on this ground.

    All scores are of one corpus and scheme, that of the first. ``baselines``: None takes this corpus' committed ones.
    """
    scores = [scores] if isinstance(scores, Scores) else list(scores)
    first, networks = scores[0], {}
    for each in scores:
        recipe = next((m["recipe"] for m in each.manifests), {})
        if "network" in recipe:
            width = recipe.get("network_options", {}).get("width")
            name = recipe["network"] + (f", width {width:g}" if width else "")
            networks.setdefault(name, []).append(each)
    told = [f"**{network}** ({_trained(group)})" for network, group in networks.items()]
    ground = first.predictions["utterance"].nunique(), first.corpus, first.predictions["fold"].nunique(), first.scheme
    told.append("scored on {} utterances of {}, {} folds of {}".format(*ground) + f", {first.profile} profile")
    if baselines is None:
        names = [name for name in methods.names() if name.startswith("baselines/")]
        there = held(first.corpus, names, profile=first.profile, scheme=first.scheme)[0].values()
        baselines = [each for each in there if _prints(each) == _prints(first)]
    ua, best = {b.method.removeprefix("baselines/"): b.summary().at["UA", "pooled"] for b in baselines}, []
    for kind, own in (("strongest baseline", False), ("with each speaker's own statistics", True)):
        if names := [name for name in ua if name.endswith("-speakernorm") is own]:
            best.append(f"{kind} {(top := max(names, key=ua.get))}, {ua[top]:.1f} % UA")
    return "Measured: " + "; ".join([*told, *(best or ["no baseline is stored for this ground"])]) + "."


def _prints(scores: Scores) -> set[str]:
    """Return the fingerprints of what was measured: just one, or none where no run tells."""
    return {each["corpus"]["fingerprint"] for each in scores.manifests if "corpus" in each}


def _trained(group: Sequence[Scores]) -> str:
    """Return how results of one network were trained: parameters, length, seeds, and whether all are at rest."""
    notes = [manifest["notes"] | manifest["recipe"]["training"] for each in group for manifest in each.manifests]
    told, unit = [], "updates" if all("updates" in note for note in notes) else "epochs"
    rest = f"{sum(each.converged is True for each in group)} of {len(group)} results at rest"
    if len(group) == 1:
        rest = "at rest" if group[0].converged else "not at rest"
    values = {name: [note[name] for note in notes] for name in ("parameters", unit)}
    for name, each in (values | {"seeds": [each.predictions["seed"].nunique() for each in group]}).items():
        low, high = min(each), max(each)
        told.append(f"{low:,} to {high:,} {name}" if low < high else f"{low:,} {name[: -1 if low == 1 else None]}")
    return ", ".join([*told, rest])


def interval_of(found: Comparison | pd.Series, metric: str = "UA") -> str:
    """Return an effect with its interval, in words; ``metric`` is what the points are called."""
    interval = f"95 % interval {found.low:+.1f} to {found.high:+.1f}" if found.low == found.low else "no interval"
    return f"{found.effect:+.1f} points of {metric}, {interval}"


def verdict(found: Comparison | pd.Series, a: str, b: str, *, metric: str = "UA", seeds: int | None = None) -> str:
    """Return a comparison, or a row of ``compare_family``, as one sentence about ``a`` and ``b``, its verdict bold.

    ``metric`` is what the points are called; ``seeds``: how many there were, one of which is said to be a single one.
    """
    word = found.verdict.partition(":")[0]
    if word == "not compared":
        return f"{a} and {b} are **not compared**: a training had not come to rest."
    facts = interval_of(found, metric) + ", which holds zero" * int(found.low <= 0 <= found.high)
    if word == "open" and (found.low > 0 or found.high < 0):
        facts += ", which leaves out zero, " + (
            "but not after correction for the family" if found.p <= LEVEL else "but the permutation test does not"
        )
    facts += "; a single seed" * int(seeds == 1)
    if word == "undecidable":
        why = "too few units differ for a swap to reach 5 % in the family"
        return f"{a} against {b} is **undecidable** ({facts}): {why}."
    if word == "open":
        return f"{a} against {b}: **open** ({facts}; {found.smallest_seen:.1f} points would be seen)."
    p = f"p = {found.p_family:.2g}" if found.p_family >= 1e-4 else "p < 0.0001"
    return f"{a} is **{word}** than {b} ({facts}; {p})."


def surely(found: Comparison) -> str:
    """Return nothing where a difference is told from zero, else that it is not sure, and why."""
    return "" if found.verdict in ("better", "worse") else ", not sure: " + found.verdict
