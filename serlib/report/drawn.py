"""The pictures of the report's index: what the losses differ by, and networks beside support vector machines."""

import pandas as pd
from matplotlib.figure import Figure

from serlib.plots.equal import forest
from serlib.plots.scores import intervals
from serlib.plots.style import apply_style
from serlib.report import equal as terms
from serlib.report.asked import committed, losses

LEVELS = {  # beside each other in a picture; °: scaled by each speaker's own statistics, the test speaker's too
    "baselines/compare-svm": "SVC, ComParE", "baselines/compare-svm-speakernorm": "SVC, ComParE °",
    "angular/crnn-softmax": "CRNN", "center/mel-softmax": "CNN-BiRNN", "angular/tfgap-softmax": "CNN-TF-GAP",
    "focal/mel-softmax": "ResNet-18", "focal/mel-softmax+strong": "ResNet-18, strong",
    "multidilated/ff-spp": "multi-dilated CNN", "dcaen/ftr-em": "one layer, emobase °",
}  # fmt: skip
HALF = 5.3  # inches: two pictures in a row of the index


def pictures(corpus: str = "emodb") -> dict[str, Figure]:
    """Return two pictures by what they show: the losses' differences to softmax, networks beside SVCs; if stored."""
    apply_style()
    drawn, found = {}, losses(corpus)
    if found is not None:
        table, scores = found
        each = {terms.WORDS[loss]: s.spread_over_seeds() for (_, loss), s in scores.items()}
        apart = pd.DataFrame(each).T - each["softmax"]
        title, panel = f"{corpus}: losses against softmax", f"one network on functionals, {apart.shape[1]} seeds"
        figure = forest({panel: table}, {panel: apart.loc[table.index]}, title=title, width=HALF)
        drawn["Difference to softmax in points of UA, 95 % intervals over speakers; dots are single seeds."] = figure
    there = {name: scores for name in LEVELS if (scores := committed(corpus, name)) is not None}
    if len(there) > 1:
        names = [LEVELS[name] for name in there]
        figure = intervals([*there.values()], names=names, width=HALF)
        drawn["UA of networks under softmax beside support vector machines (SVC), 95 % intervals. °: scaled by each "
              "speaker's own statistics, the test speaker's too."] = figure  # fmt: skip
    return drawn
