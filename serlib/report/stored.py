"""What of a notebook's questions can be answered today: methods whose runs are finished, contrasts that are stored."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from serlib.corpora import Corpus
from serlib.protocol import Scores, compare_family
from serlib.report.publish import commands, grouped
from serlib.report.told import held, verdict
from serlib.runs.schedule import Survey

if TYPE_CHECKING:
    from serlib.runs import RunStore, Task


def quoted(corpus: Corpus, profile: str) -> tuple[Corpus | str, str, str]:
    """Return whose committed results a page quotes, its name, and their profile.

    Nothing is committed of the quick profile: EMO-DB in the study profile stands in.
    """
    return ("emodb", "emodb", "study") if profile == "quick" else (corpus, corpus.name, profile)


def finished(tasks: "Sequence[Task]", store: "RunStore", *, retrain: bool = False) -> list[str]:
    """Return the methods whose runs are all there, in order of ``tasks``, which are of one corpus and profile.

    Own runs count like committed ones. Where some are missing a line says how many and what makes them. In the quick
    profile, and with ``retrain``, all methods are returned: what is missing may be trained at once.
    """
    from IPython.display import Markdown, display

    names = list(grouped(tasks, "method.name"))
    if not tasks or tasks[0].profile == "quick" or retrain:
        return names
    missing = Survey(tasks, store).open
    lacking = grouped(missing, "method.name")
    if lacking:
        told = f"**{len(lacking)} of {len(names)} results are not there yet** ({tasks[0].corpus.name}, "
        told += f"{tasks[0].profile} profile): `{commands(missing)}` makes them."
        display(Markdown(told))
    return [name for name in names if name not in lacking]


def contrasts(
    pairs: Mapping[tuple[str, str], tuple[str, str]], corpus: Corpus | str, *, profile: str, scheme: str
) -> pd.DataFrame:
    """Judge pairs of committed results as one family, each pair on the seeds that both have.

    ``pairs``: what the two are called -> the two methods. A pair that lacks a result, or a common seed, is left out.
    Returns the table of ``compare_family`` with a column ``seeds``, their number; no rows where no pair is left. Folds
    that test several speakers need equal seeds in all pairs, else a ValueError.
    """
    there, _ = held(corpus, [name for pair in pairs.values() for name in pair], profile=profile, scheme=scheme)
    have = {name: set(scores.predictions["seed"]) for name, scores in there.items()}
    asked, counts = {}, []
    for words, pair in pairs.items():
        shared = sorted(set.intersection(*(have.get(name, set()) for name in pair)))
        if shared:
            asked[words] = [there[name].on_seeds(shared) for name in pair]
            counts.append(len(shared))
    if not asked:
        return pd.DataFrame(columns=["effect", "low", "high", "p", "p_family", "smallest_seen", "verdict", "seeds"])
    judged = compare_family({str(number): pair for number, pair in enumerate(asked.values())})
    return judged.set_axis(pd.Index(asked, tupleize_cols=False)).assign(seeds=counts)


def spoken(table: pd.DataFrame) -> str:
    """Return the rows of ``contrasts`` as sentences, their verdicts bold; nothing for no rows."""
    return " ".join(verdict(row, *words, seeds=row["seeds"]) for words, row in table.iterrows())


def levels(scores: Mapping[str, Scores]) -> str:
    """Return UA in percent of methods by name, each with its 95 % interval, its seeds, and whether training rested."""
    told = []
    for name, each in scores.items():
        row, seeds = each.summary().loc["UA"], each.predictions["seed"].nunique()
        facts = [f"{row['low']:.1f} to {row['high']:.1f}"] if row["low"] == row["low"] else ["no interval"]
        facts += [f"{seeds} seed{'s' * (seeds > 1)}", *["unconverged"] * (each.converged is False)]
        told.append(f"`{name.partition('/')[2]}` {row['pooled']:.1f} % ({', '.join(facts)})")
    return ", ".join(told)
