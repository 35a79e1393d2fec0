"""Losses on equal terms, collected and judged: results by ground and loss, contrasts named beforehand, conclusions."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from serlib import methods
from serlib.corpora import Corpus
from serlib.methods import equal, multidilated
from serlib.methods.settings import CHOSEN_DEEP, variant
from serlib.methods.variants import WIDTHS
from serlib.protocol import SCHEMES, Scores, compare_family, published
from serlib.protocol.calibration import calibration
from serlib.protocol.cut import cut_fitted
from serlib.protocol.folds import SPEAKER_DEPENDENT
from serlib.report.stored import alike
from serlib.report.told import held
from serlib.runs.imbalance import CONDITIONS, Series

Results = dict[tuple[str, str], Scores]  # by ground and loss of ``serlib.methods.equal``
WORDS = {loss: title for loss, (_, title, _) in equal.LOSSES.items()}
MAIN = {(loss, "softmax"): title for loss, title in WORDS.items() if loss != "softmax"}
MARGINS = {
    ("class-angular", "angular"): "angular: class-specific − one margin",
    ("class-arcface", "arcface"): "ArcFace: class-specific − one margin",
    ("arcface", "normalised"): "ArcFace − no margin",
}
TITLES = MAIN | MARGINS  # (loss, against) -> words
UNEQUAL = {  # of the series of unequal training parts: who is small is by decree, whatever a draw's counts say
    loss: equal.name("em-speaker", loss) + "+decree" * loss.startswith("class-") for loss in equal.LOSSES
}
STEEPEST, TRAINED, MOVED = "1:8", "as trained", "both cuts fitted"  # the ratio judged, and the two ways
PAPERS = {  # each paper's own idea on its own network, under its recipe, against the same network without it
    "angular margin 4 (CNN-TF-GAP)": ("angular/tfgap-m4", "angular/tfgap-softmax"),
    "margins 6 | 4 by class instead of 4 (CNN-TF-GAP)": ("angular/tfgap-c64", "angular/tfgap-m4"),
    "focal loss (ResNet-18)": ("focal/mel-focal", "focal/mel-softmax"),
    "center loss (CNN-BiRNN)": ("center/mel-center", "center/mel-softmax"),
    "ArcFace (multi-dilated CNN)": ("multidilated/multi-attention-arcface", "multidilated/multi-attention"),
    "the mirror (DCaEN)": ("dcaen/dcaen", "dcaen/e-nc"),
    "several dilations, attention, ArcFace (CNN, pyramid)": (
        "multidilated/multi-attention-arcface", "multidilated/ff-spp",
    ),
    "angular margin 5 (CRNN)": ("angular/crnn-m5", "angular/crnn-softmax"),
    "margins 6 | 4 by class instead of 5 (CRNN)": ("angular/crnn-c64", "angular/crnn-m5"),
}  # fmt: skip
# the rungs of paper 002: at the study size the slowest rest after three times their updates only
RUNGS = {f"multidilated/{row}" for row in multidilated.LADDER | multidilated.COUNTED}
RESNET, PYRAMID = CHOSEN_DEEP  # the strongest spectrogram networks
# one recipe under two names, as paper 002 prints class weights and they stay under every loss: a difference of nothing
TWICE = (PYRAMID.format("+weighted"), PYRAMID.format(""))
DEEP = {  # each loss on them, in the setting that was chosen for it there, against softmax
    words: {
        title: (network.format(f"+{variant(loss, CHOSEN_DEEP[network].get(loss))}"), network.format(""))
        for (loss, _), title in MAIN.items() if network.format(f"+{loss}") != TWICE[0]
    }
    for network, words in ((RESNET, "ResNet-18, regularised"), (PYRAMID, "CNN with pyramid, its paper's recipe"))
}  # fmt: skip
ELSEWHERE = {  # on a corpus nearly three times as large, where as many epochs need three times the updates
    network: {words: tuple(f"{method}+longer" for method in pair) for words, pair in asked.items()}
    for network, asked in DEEP.items()
}
GROUPS = "speaker-folds-6"  # how the other corpus is cut for them: a fold for each speaker would take a day
TAKEN_OVER = {  # losses on ResNet-18 whose setting there is not that of the functionals' network, and in that one
    MAIN[loss, "softmax"]: (RESNET.format(f"+{variant(loss, setting)}"), RESNET.format(f"+{variant(loss)}"))
    for loss, setting in CHOSEN_DEEP[RESNET].items() if variant(loss, setting) != variant(loss)
}  # fmt: skip
NETWORKS = {  # the papers' networks under softmax
    "CRNN": "angular/crnn-softmax", "CNN-TF-GAP": "angular/tfgap-softmax", "ResNet-18": "focal/mel-softmax",
    "CNN-BiRNN": "center/mel-softmax", "CNN with pyramid": "multidilated/ff-spp", "raw waveform": "dcaen/raw",
}  # fmt: skip
WIDE = {  # networks that count their filters, under softmax, by recipe
    name: {"the paper's recipe": NETWORKS[name], "regularised": f"{NETWORKS[name]}+strong"}
    for name in ("ResNet-18", "CNN with pyramid")
}
CLAIMS = (  # paper, what it concludes, loss, against; table, rows and corpus of a gain that it prints
    ("000", "an angular margin helps", "angular", "softmax", "angular/table-1",
     ("angular/crnn-m5", "angular/crnn-softmax"), "iemocap"),
    ("000", "class-specific margins help more", "class-angular", "angular", "angular/table-3",
     ("angular/crnn-c64", "angular/crnn-m5"), "iemocap"),
    ("001", "focal loss helps", "focal", "softmax", "focal/table-4",
     ("focal/mfcc-focal", "focal/mfcc-softmax"), "iemocap"),
    ("002", "ArcFace helps", "arcface", "softmax", "multidilated/table-1",
     ("multidilated/multi-arcface", "multidilated/multi"), "emodb"),
    ("003", "center loss helps", "center", "softmax", "center/claims", ("center/mel-center", None), "iemocap"),
)  # fmt: skip


def papers(profile: str) -> dict[str, tuple[str, str]]:
    """Return each paper's idea and the two methods of ``PAPERS``, in the length at which they rest in a profile."""
    return {idea: (at_length(first, profile), at_length(second, profile)) for idea, (first, second) in PAPERS.items()}


def at_length(method: str, profile: str) -> str:
    """Return a method as it is trained to rest in a profile: the rungs of paper 002 need ``+longer`` in study."""
    return f"{method}+longer" if profile == "study" and method in RUNGS else method


def width(method: str, profile: str) -> int:
    """Return how many filters the first stage of a method's network has in a profile."""
    return methods.get(method).recipe(profile).network_options["width"]


def by_width(method: str, corpus: Corpus | str, *, profile: str, scheme: str) -> dict[int, Scores]:
    """Return the committed results of a method by number of filters, rising, its own among them, on shared seeds."""
    wide = {n: methods.get(f"{method}+w{n}").name for n in WIDTHS}
    names = dict(sorted((wide | {width(method, profile): method}).items()))
    found, _ = held(corpus, names.values(), profile=profile, scheme=scheme)
    return dict(zip([n for n, name in names.items() if name in found], alike([*found.values()]), strict=False))


def stored(corpus: Corpus | str, profile: str) -> Results:
    """Return a corpus' committed results in the settings that were chosen on dev, on the seeds that each ground shares.

    They are of the first scheme without shared speakers that has any; none: empty.
    """
    names = {equal.name(ground, loss): (ground, loss) for ground in equal.CHOSEN for loss in equal.LOSSES}
    schemes = (scheme for scheme in SCHEMES if scheme not in SPEAKER_DEPENDENT)
    there = (held(corpus, names, profile=profile, scheme=scheme)[0] for scheme in schemes)
    return on_shared_seeds({names[method]: scores for method, scores in next(filter(None, there), {}).items()})


def on_shared_seeds(found: Mapping[tuple[str, str], Scores]) -> Results:
    """Cut the losses of a ground to the seeds that all have; those that share none with softmax are left out.

    A ground without softmax, with which all are compared, is left out.
    """
    shared = {ground: set(s.predictions["seed"]) for (ground, loss), s in found.items() if loss == "softmax"}
    for (ground, _), scores in found.items():
        common = shared.get(ground, set()) & set(scores.predictions["seed"])
        shared |= {ground: common} if common else {}
    kept = {key: s for key, s in found.items() if shared.get(key[0], {None}) <= set(s.predictions["seed"])}
    return {key: s.on_seeds(shared[key[0]]) for key, s in kept.items()}


def families(
    results: Mapping[tuple[str, str], Scores], units: tuple[str, ...] | None = None
) -> pd.DataFrame:  # fmt: skip
    """Judge the contrasts that are there: ``MAIN`` is one family on each ground, ``MARGINS`` another.

    Returns the rows of ``compare_family``, which ``units`` are of too, by ground, loss and against; no contrast at all
    is a ValueError.
    """
    tables = []
    for ground in dict.fromkeys(ground for ground, _ in results):
        for contrasts in (MAIN, MARGINS):
            pairs = {pair: [results.get((ground, loss)) for loss in pair] for pair in contrasts}
            there = {(ground, *pair): both for pair, both in pairs.items() if None not in both}
            if there:
                table = compare_family({" ".join(key): both for key, both in there.items()}, units=units)
                tables.append(table.set_axis(pd.MultiIndex.from_tuples(there, names=["ground", "loss", "against"])))
    if not tables:
        raise ValueError(f"nothing to compare: results of {sorted(results)}")
    return pd.concat(tables)


def unequal(series: Series, condition: str) -> Results:
    """Return the losses of ``UNEQUAL`` where classes are unequal, by way and loss: as trained, and with cuts fitted.

    To move only one side's cut would measure that nobody moved the other's; and some losses move it in training, so
    each has the cut that suits it on the other folds (``serlib.protocol.cut.cut_fitted``).
    """
    trained = {loss: series[condition, method] for loss, method in UNEQUAL.items()}
    moved = {(MOVED, loss): cut_fitted(scores, CONDITIONS[condition])[0] for loss, scores in trained.items()}
    return {(TRAINED, loss): scores for loss, scores in trained.items()} | moved


def conclusions(judged: pd.DataFrame) -> pd.DataFrame:
    """Hold the papers' conclusions against ``families`` (of several corpora: joined, further levels in front).

    Returns a row per conclusion: ``paper``, ``says``, ``loss``, ``against``, ``printed`` (points) and its corpus
    ``where``, ``verdict`` of ``standing``, and ``rows``, the contrasts that ask for it.
    """
    table = []
    for paper, says, loss, against, source, rows, where in CLAIMS:
        asks, gain = judged.query("loss == @loss and against == @against"), printed_gain(source, rows, where)
        table.append([paper, says, loss, against, gain, where, standing(asks, gain), asks])
    return pd.DataFrame(table, columns=["paper", "says", "loss", "against", "printed", "where", "verdict", "rows"])


def printed_gain(source: str, rows: tuple[str, str | None], where: str) -> float:
    """Return the gain, in points of UA, between two rows that a paper prints of a corpus (see ``CLAIMS``)."""
    values = published(source)
    values = values[values["metric"].isin(["ua", "gain:ua"]) & (values["corpus"] == where)]
    first, second = (values.loc[values["method"] == row, "value"].sum() for row in rows)
    return first - second  # a gain has no second row


def standing(rows: pd.DataFrame, printed: float) -> str:
    """Return what becomes of a conclusion, from its contrast on all grounds and corpora and the printed gain in points.

    "stands": better on every one; "stands in part": on some, worse on none; "depends on the ground": both occur; "does
    not stand": worse on some, better on none; else "open", "open, but smaller than printed" where every interval ends
    below the printed gain, "undecided" where training had not ended or no test could decide, "not measured".
    """
    better, worse = (int((rows["verdict"] == word).sum()) for word in ("better", "worse"))
    if better and worse:
        return "depends on the ground"
    if better or worse:
        return "does not stand" if worse else "stands" if better == len(rows) else "stands in part"
    if rows.empty or rows["verdict"].str.startswith("not compared").any():
        return "not measured" if rows.empty else "undecided"
    if (rows["high"] < printed).all():
        return "open, but smaller than printed"
    return "open" if rows["verdict"].str.startswith("open").any() else "undecided"


def sentences(name: str, results: Mapping[tuple[str, str], Scores]) -> list[str]:
    """Return what came out on a corpus of that name, in Markdown: five sentences, or one where nothing can be compared.

    They tell which losses differ from softmax, how far apart losses, grounds and seeds lie, how small a difference
    would be seen, what becomes of the papers' conclusions, and the calibration errors.
    """
    if len(results) < 2:
        return [f"Nothing is stored of {name}: the cells below say which command trains it."]
    judged, scores = families(results), {key: s.summary().loc["UA"] for key, s in results.items()}
    main, table = judged.xs("softmax", level="against"), pd.DataFrame(scores).T.rename_axis(["ground", "loss"])
    calm = pd.DataFrame({key: calibration(s) for key, s in results.items()}).T
    sure, blind = main["verdict"].isin(["better", "worse"]), main["verdict"].str.match("undecidable|not compared").sum()
    listed = [f"{WORDS[loss]} {row.verdict} on {g} ({row.effect:+.1f})" for (g, loss), row in main[sure].iterrows()]
    seeds = {g: s.predictions["seed"].nunique() for (g, loss), s in results.items() if loss == "softmax"}
    grid = "; ".join(f"{g}: {len(table.loc[g])} losses, {n} seed{'s' * (n > 1)}" for g, n in seeds.items())
    spread, own = table["pooled"].groupby("ground").agg(np.ptp), table.xs("softmax", level="loss")
    widest = f"From the worst to the best loss lie **{spread.max():.1f} points** of UA"
    widest += f" on {spread.idxmax()}; from ground to ground {np.ptp(own['pooled']):.1f}, under softmax" * (
        len(own) > 1
    )
    if own["seed_std"].notna().any():
        widest += f"; another seed alone moves softmax by {own['seed_std'].max():.1f} (standard deviation)"
    told, seen = conclusions(judged), main.groupby("ground", sort=False)["smallest_seen"].median()
    best, worst = calm["ece"].idxmin(), calm["ece"].idxmax()
    by_verdict = told.groupby("verdict", sort=False)["says"].agg(", ".join)
    stands = "; ".join(f"**{word}**: {what}" for word, what in by_verdict.items())
    return [
        f"{name} ({grid}): **{sure.sum()} of {len(main)}** differences to softmax are told from zero"
        + f": {' · '.join(listed)}" * bool(listed) + f"; {blind} cannot be decided" * bool(blind) + ".",
        widest + ".",
        "What would be seen in about three of four such studies (middle contrast, in its family): "
        f"{', '.join(f'**{size:.1f} points** on {g}' for g, size in seen.items())}; the papers print gains of "
        f"{told['printed'].min():.1f} to {told['printed'].max():.1f}.",
        f"What the papers conclude, asked here alone: {stands}.",
        f"Calibration error as trained: {calm.at[best, 'ece']:.0f} % ({WORDS[best[1]]}) to "
        f"**{calm.at[worst, 'ece']:.0f} %** ({WORDS[worst[1]]}); after one temperature, fitted on other speakers, "
        f"{calm['ece_after'].min():.0f} to {calm['ece_after'].max():.0f} %.",
    ]  # fmt: skip
