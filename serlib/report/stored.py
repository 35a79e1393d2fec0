"""What of a notebook's questions can be answered today: methods whose runs are finished, contrasts that are stored."""

from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from serlib import methods
from serlib.corpora import Corpus
from serlib.methods.baselines import SVMBaseline
from serlib.protocol import Fold, Scores, compare_family
from serlib.report.publish import commands, grouped
from serlib.report.told import held, say, verdict
from serlib.runs import RunStore, Task, cross_validate, plan
from serlib.runs.schedule import Survey


def quoted(corpus: Corpus, profile: str) -> tuple[Corpus | str, str, str]:
    """Return whose committed results a page quotes, its name, and their profile.

    Nothing is committed of the quick profile: EMO-DB in the study profile stands in.
    """
    return ("emodb", "emodb", "study") if profile == "quick" else (corpus, corpus.name, profile)


def finished(tasks: Sequence[Task], store: RunStore, *, retrain: bool = False) -> list[str]:
    """Return the methods whose runs are all there, in order of ``tasks``, which are of one corpus and profile.

    Own runs count like committed ones. Where some are missing a line says how many and what makes them. In the quick
    profile, and with ``retrain``, all methods are returned: what is missing may be trained at once.
    """
    names = list(grouped(tasks, "method.name"))
    if not tasks or tasks[0].profile == "quick" or retrain:
        return names
    missing = Survey(tasks, store).open
    lacking = grouped(missing, "method.name")
    if lacking:
        told = f"**{len(lacking)} of {len(names)} results are not there yet** ({tasks[0].corpus.name}, "
        told += f"{tasks[0].profile} profile): `{commands(missing)}` makes them."
        say(told)
    return [name for name in names if name not in lacking]


def further_seeds(
    corpus: Corpus, method: str, *, profile: str, folds: str | Sequence[Fold], seeds: Sequence[int], store: RunStore
) -> list[int]:  # fmt: skip
    """Return ``seeds`` and the numbers after them for which all runs of a method are finished, own or committed ones.

    In the quick profile nothing is added. An SVC, which no seed changes, keeps the first.
    """
    if unchanging(method):
        return [*seeds][:1]
    found, options = [*seeds], {"profile": profile, "folds": folds}
    while profile != "quick" and not Survey(plan(corpus, method, seeds=[max(found) + 1], **options), store).open:
        found.append(max(found) + 1)
    return found


def gathered(
    corpus: Corpus, names: Iterable[str], *, profile: str, folds: str | Sequence[Fold], seeds: Sequence[int],
    store: RunStore, device: str = "auto", retrain: bool = False,
) -> dict[str, Scores]:  # fmt: skip
    """Return the scores of those methods that are ``finished`` with ``seeds``, by name, each on its ``further_seeds``.

    What may be trained at once is, by as many processes as there are cores.
    """
    ground, scores = {"profile": profile, "folds": folds}, {}
    asked = {name: [*seeds][: 1 if unchanging(name) else None] for name in names}
    tasks = [task for name, own in asked.items() for task in plan(corpus, name, seeds=own, **ground)]
    for name in finished(tasks, store, retrain=retrain):
        own = further_seeds(corpus, name, seeds=seeds, store=store, **ground)
        scores[name] = cross_validate(corpus, name, seeds=own, n_jobs=-1, device=device, store=store, **ground)
    return scores


def unchanging(method: str) -> bool:
    """Tell whether no seed changes a method's scores."""
    return method in methods.names() and isinstance(methods.get(method), SVMBaseline)


def alike(scores: Sequence[Scores]) -> list[Scores]:
    """Cut scores to the seeds that all have, so that they can be paired; none where they share none.

    What no seed changes stands for all seeds of the others.
    """
    fixed = [unchanging(each.method) for each in scores]
    have = [set(each.predictions["seed"]) for each in scores]
    lucky = [seeds for seeds, still in zip(have, fixed, strict=True) if not still]
    seeds = sorted(set.intersection(*lucky)) if lucky else [min(seeds) for seeds in have[:1]]
    if not seeds:
        return []
    return [
        s.on_seeds([min(own)]).repeated(seeds) if still else s.on_seeds(seeds)
        for s, own, still in zip(scores, have, fixed, strict=True)
    ]


def family(pairs: Mapping[Hashable, Sequence[Scores]], *, metric: str = "ua") -> pd.DataFrame:
    """Judge pairs as one family, as ``compare_family`` does, on the seeds that both have; a pair without is left out.

    Folds that test several speakers are units only with their seeds, so that all pairs are cut to those that all share;
    there a pair that no seed changes (two SVCs) has other units, and is judged apart. The table has a column ``seeds``,
    their number, 0 for such a pair; no rows where no pair is left.
    """
    still = {words: pair for words, pair in pairs.items() if all(unchanging(each.method) for each in pair)}
    if all(each.units == ("speaker",) for pair in pairs.values() for each in pair):
        there = {words: both for words, pair in pairs.items() if (both := alike(pair))}
    elif 0 < len(still) < len(pairs):
        both = pd.concat([family({w: p for w, p in pairs.items() if w not in still}, metric=metric),
                          family(still, metric=metric)])  # fmt: skip
        return both.iloc[[list(both.index).index(words) for words in pairs if words in both.index]]
    else:
        flat = alike([each for pair in pairs.values() for each in pair])
        there = {words: flat[2 * k : 2 * k + 2] for k, words in enumerate(pairs) if flat}
    if not there:
        return pd.DataFrame(columns=["effect", "low", "high", "p", "p_family", "smallest_seen", "verdict", "seeds"])
    judged = compare_family({str(number): both for number, both in enumerate(there.values())}, metric=metric)
    counts = [0 if words in still else both[0].predictions["seed"].nunique() for words, both in there.items()]
    return judged.set_axis(pd.Index(there, tupleize_cols=False)).assign(seeds=counts)


def by_seed(pairs: Mapping[Hashable, Sequence[Scores]], *, metric: str = "ua") -> pd.DataFrame:
    """Return the differences of pairs for each seed that both have, in points: (pairs, seeds); the rest is NaN."""
    there = {words: both for words, pair in pairs.items() if (both := alike(pair))}
    gaps = {w: np.subtract(*(each.spread_over_seeds(metric) for each in both)) for w, both in there.items()}
    return pd.DataFrame({words: pd.Series(gap) for words, gap in gaps.items()}).T


def at_rest(pairs: Mapping[Hashable, Sequence[Scores]]) -> tuple[dict[Hashable, Sequence[Scores]], list[Hashable]]:
    """Return the pairs that may be compared, and what the others are called: a training had not come to rest."""
    climbing = [words for words, pair in pairs.items() if any(each.converged is False for each in pair)]
    return {words: pair for words, pair in pairs.items() if words not in climbing}, climbing


def apart(judged: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a family that are told from zero."""
    return judged[judged["verdict"].isin(["better", "worse"])]


def paired(
    pairs: Mapping[Hashable, tuple[str, str]], corpus: Corpus | str, *, profile: str, scheme: str
) -> tuple[dict[Hashable, list[Scores]], str]:
    """Return the committed scores of pairs of methods, and what makes those that lack one (as of ``held``)."""
    there, lacking = held(corpus, [name for pair in pairs.values() for name in pair], profile=profile, scheme=scheme)
    return {w: [there[name] for name in pair] for w, pair in pairs.items() if {*pair} <= there.keys()}, lacking


def contrasts(
    pairs: Mapping[Hashable, tuple[str, str]], corpus: Corpus | str, *, profile: str, scheme: str
) -> pd.DataFrame:
    """Judge pairs of committed results as one ``family``; a pair that lacks a result is left out.

    ``pairs``: what the two are called -> the two methods.
    """
    return family(paired(pairs, corpus, profile=profile, scheme=scheme)[0])


def spoken(table: pd.DataFrame, *, seeds: bool = False) -> str:
    """Return the rows of ``contrasts`` as sentences, their verdicts bold; nothing for no rows.

    ``seeds``: say at the end how many each verdict rests on.
    """
    told = [verdict(row, *words, seeds=row["seeds"]) for words, row in table.iterrows()]
    many = ", ".join(str(number or "none matters") for number in table["seeds"])
    return " ".join(told + [f"Seeds: {many}."] * (seeds and bool(told)))


def at_full_size(words: tuple[str, str], pair: tuple[str, str], corpus: Corpus | str) -> str:
    """Return what two methods, called ``words``, say at full size; nothing where that is not stored."""
    pairs, _ = paired({words: pair}, corpus, profile="paper", scheme="leave-one-speaker-out")
    if not pairs:
        return ""
    where = "At full size ([notebook 07](07_losses_on_equal_terms.ipynb))"
    return f"{where}, UA: {levels(dict(zip(pair, pairs[words], strict=True)))}. {spoken(family(pairs), seeds=True)}"


def late_dev(scores: Scores) -> pd.Series:
    """Return UA on dev in percent by fold and seed: mean over the last third of a training, whose weights are averaged.

    Only runs whose histories were kept have one.
    """
    return late(scores.history)


def late(history: pd.DataFrame) -> pd.Series:
    """Return the same of histories, rows of ``fold``, ``seed`` and ``dev_ua``, epoch by epoch."""
    by_run = history.groupby(["fold", "seed"])["dev_ua"]
    return 100 * by_run.agg(lambda ua: ua.tail(max(1, len(ua) // 3)).mean())


def levels(scores: Mapping[str, Scores]) -> str:
    """Return UA in percent of methods by name, each with its 95 % interval, its seeds, and whether training rested."""
    told = []
    for name, each in scores.items():
        row, seeds = each.summary().loc["UA"], each.predictions["seed"].nunique()
        facts = [f"{row['low']:.1f} to {row['high']:.1f}"] if row["low"] == row["low"] else ["no interval"]
        facts += [f"{seeds} seed{'s' * (seeds > 1)}", *["unconverged"] * (each.converged is False)]
        told.append(f"`{name.partition('/')[2]}` {row['pooled']:.1f} % ({', '.join(facts)})")
    return ", ".join(told)


def of_one_network(scores: Iterable[Scores]) -> float:
    """Return the standard deviation over seeds of UA on a fold, which one network tests, pooled over all, in points."""
    tables = [each.per_fold()["UA"].unstack("seed") for each in scores]
    squares = sum((t.sub(t.mean(axis=1), axis=0) ** 2).to_numpy().sum() for t in tables)
    return float(np.sqrt(squares / sum(len(t) * (t.shape[1] - 1) for t in tables)))
