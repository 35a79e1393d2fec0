"""How scores come about and how far to trust them: folds, leakage, metrics, intervals, paired tests, papers' tables."""

from serlib.protocol.folds import SCHEMES, Fold, default_scheme, folds
from serlib.protocol.intervals import score_interval
from serlib.protocol.leakage import leakage
from serlib.protocol.metrics import METRICS, TITLES, confusion, macro_f1, unweighted_accuracy, weighted_accuracy
from serlib.protocol.paired import Comparison, compare, compare_family
from serlib.protocol.published import published, table_beside
from serlib.protocol.scores import Scores

__all__ = [
    "METRICS", "SCHEMES", "TITLES", "Comparison", "Fold", "Scores", "compare", "compare_family", "confusion",
    "default_scheme", "folds", "leakage", "macro_f1", "published", "score_interval", "table_beside",
    "unweighted_accuracy", "weighted_accuracy",
]  # fmt: skip
