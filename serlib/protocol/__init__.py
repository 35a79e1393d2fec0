"""How scores come about and how far to trust them: folds, leakage, metrics, intervals, paired tests, papers' tables."""

from serlib.protocol.convergence import converged, slope
from serlib.protocol.folds import SCHEMES, Fold, default_scheme, folds, speaker_scheme
from serlib.protocol.intervals import score_interval
from serlib.protocol.leakage import leakage
from serlib.protocol.metrics import METRICS, TITLES
from serlib.protocol.paired import Comparison, compare, compare_family
from serlib.protocol.published import published, table_beside
from serlib.protocol.scores import Scores

__all__ = [
    "METRICS", "SCHEMES", "TITLES", "Comparison", "Fold", "Scores", "compare", "compare_family", "converged",
    "default_scheme", "folds", "leakage", "published", "score_interval", "slope", "speaker_scheme",
    "table_beside",
]  # fmt: skip
