"""What the study has learned on the papers' networks: their ideas, and each loss on two deep networks."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from serlib.protocol import Scores
from serlib.report import equal as terms
from serlib.report.asked import stored_pairs
from serlib.report.finding import Finding, beat, excluded, sides, undecided
from serlib.report.stored import at_rest, by_seed, family

PAGE = "07_losses_on_equal_terms.ipynb"
OTHERS = ("ravdess",)  # corpora on which the losses are asked again


def papers(corpus: str) -> Finding | None:
    """Return what each paper's idea does to its own network, judged together, in both sizes."""
    pairs, climbing = at_rest(stored_pairs(corpus, terms.papers("study")))
    if len(pairs) < 2:
        return None
    tables, more = [family(pairs)], []
    told = "On the papers' networks under the papers' recipes, cut down to two CPU cores and judged together, "
    told += f"{_judged(pairs, tables[0])}; {excluded(tables[0])}."
    more += [f"Not compared, for a training had not come to rest: {', '.join(climbing)}."] * bool(climbing)
    if full := at_rest(stored_pairs(corpus, terms.papers("paper"), "paper"))[0]:
        tables.append(family(full))
        more.append(f"At full size {_judged(full, tables[1], ' are told')}; {excluded(tables[1])}.")
    both = pd.concat(tables)
    headline = beat(sides(both)[0], "idea of a paper", "ideas of the papers")
    headline = f"{headline[0].upper()}{headline[1:]} the same network without; {excluded(both)}."
    return Finding(headline, told, PAGE, " ".join(more))


def _judged(
    pairs: Mapping[str, Sequence[Scores]], judged: pd.DataFrame,
    what: str = " ideas are told from the same network without, in points of UA"
) -> str:  # fmt: skip
    """Return how many pairs are told from zero, as their family says, these with numbers, and the largest other one.

    And how many no test could tell.
    """
    table = judged.sort_values("effect", ascending=False)
    sure, rows = table["verdict"].isin(["better", "worse"]), []
    for idea, row in table.iterrows():
        learned = [each.train_ua for each in pairs[idea]]
        facts = f"{row.low:+.1f} to {row.high:+.1f}; {row.seeds} seed{'s' * (row.seeds > 1)}"
        if sure[idea] and np.isfinite(learned).all():
            facts += "; UA in training {:.0f} against {:.0f}".format(*learned)
        rows.append(f"{idea} {row.effect:+.1f} ({facts})")
    told = [", ".join(row for row, known in zip(rows, sure, strict=True) if known)]
    others = "the largest" + " of the others" * bool(sure.any())
    told += [f"{others} is {rows[int(np.argmin(sure))]}"] * (not sure.all())
    told.append(undecided(table))
    return f"**{sure.sum()} of {len(table)}**{what}: {'; '.join(filter(None, told))}"


def deep(corpus: str) -> Finding | None:
    """Return what each loss, in a setting chosen for it there, does to the deep networks."""
    found = {network: both for network, asked in terms.DEEP.items() if (both := _each(corpus, network, asked))}
    if not found:
        return None
    told, tables = [words for each in found.values() for words in each[:2]], [each[2] for each in found.values()]
    better, worse = sides(pd.concat(tables))
    headline = f"On {len(tables)} deep network{'s' * (len(tables) > 1)} {beat(better)} softmax; "
    headline += f"{worse} of {sum(map(len, tables))} are surely worse."
    again, _ = at_rest(stored_pairs(corpus, {"again": terms.TWICE}))
    if again:
        lies = family(again).at["again", "effect"]
        told.append(f"Paper 002's own recipe, trained again, lies {lies:+.1f} from itself.")
    if cost := price(corpus):
        worst, points, seeds = cost
        told.append(f"The setting that won on functionals costs up to **{points:.1f} points** on ResNet-18 ({worst}; ")
        told[-1] += f"{seeds} seed{'s' * (seeds > 1)})."
    return Finding(headline, told[0], PAGE, " ".join(filter(None, told[1:])))


def _each(corpus: str, network: str, asked: Mapping[str, tuple[str, str]]) -> tuple[str, str, pd.DataFrame] | None:
    """Return the sentence on one network, what else there is, and its judged family; nothing below two losses."""
    pairs, climbing = at_rest(stored_pairs(corpus, asked))
    if len(pairs) < 2:
        return None
    table = family(pairs)
    judged = _judged(pairs, table, " losses are told from softmax, in points of UA")
    says = f"On *{network}*, each loss in a setting of its own, {judged}; {excluded(table)}."
    says += f" Not compared, for a training had not come to rest: {', '.join(climbing)}." * bool(climbing)
    elsewhere = [_as_it_is(other, terms.ELSEWHERE[network]) for other in OTHERS if other != corpus]
    return says, " ".join(filter(None, elsewhere)), table


def _as_it_is(corpus: str, asked: Mapping[str, tuple[str, str]]) -> str:
    """Return what losses say where nothing was tuned, in groups of speakers; nothing below two losses."""
    pairs, _ = at_rest(stored_pairs(corpus, asked, scheme=terms.GROUPS))
    if len(pairs) < 2:
        return ""
    table = family(pairs)
    says = f"On {corpus}, in the same settings (`{terms.GROUPS}`), {_judged(pairs, table, ' are told')}"
    return f"{says}; {excluded(table)}."


def price(corpus: str) -> tuple[str, float, int] | None:
    """Return which loss loses most on ResNet-18 by the setting that won on functionals, those points, and the seeds.

    Trainings that had not come to rest are left out; None where no loss loses, or none is stored in both settings.
    """
    gaps = by_seed(at_rest(stored_pairs(corpus, terms.TAKEN_OVER))[0])
    if gaps.empty or (costs := gaps.mean(axis=1)).max() <= 0:
        return None
    return costs.idxmax(), float(costs.max()), int(gaps.loc[costs.idxmax()].notna().sum())
