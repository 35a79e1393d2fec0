"""What a method is: one row of a paper's table, or a baseline, with a recipe per profile."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from serlib.checks import check_choice
from serlib.corpora.corpus import Corpus
from serlib.features.store import FeatureStore
from serlib.protocol import Fold
from serlib.training import Hardware

PROFILES = ("quick", "study", "paper")


@dataclass
class Outcome:
    """What one run leaves behind."""

    logits: np.ndarray  # (test utterances, classes) float32, in the order of ``fold.test``
    embeddings: np.ndarray | None = None  # (test utterances, E) float32
    history: list[dict] = field(default_factory=list)  # a row per epoch
    arrays: dict[str, np.ndarray] = field(default_factory=dict)  # such as "weight", class weight vectors (classes, E)
    notes: dict[str, Any] = field(default_factory=dict)  # small facts for the manifest
    state: dict[str, np.ndarray] = field(default_factory=dict)  # tensors to rebuild the model, where weights are kept
    predicted: np.ndarray | None = None  # (test utterances,) classes, where not decided by the greatest logit


class Method(ABC):
    """One way to recognise emotions."""

    keeps: ClassVar[bool] = False  # whether a run leaves a model behind that can be asked again
    name: str  # <file in methods/>/<variant>
    paper: str  # its number, such as "001", or "baseline"
    title: str  # what a table's row calls it
    recipes: Callable[[str], Any]  # of a profile: all that can change a result, with ``features`` and ``to_dict()``

    def recipe(self, profile: str) -> Any:
        """Return the recipe of a profile of ``PROFILES``; any other is a ValueError."""
        check_choice("profile", profile, PROFILES)
        return self.recipes(profile)

    @abstractmethod
    def run(self, corpus: Corpus, fold: Fold, *, profile: str, seed: int, hardware: Hardware) -> Outcome:
        """Train on ``fold.train`` (choosing on ``fold.dev``) and score ``fold.test`` once."""

    def variant(self, suffix: str) -> "Method":
        """Return this method under another recipe; a method without variants refuses with a ValueError."""
        raise ValueError(f"{self.name} has no variant {suffix!r}: only networks have")

    def prepare(self, corpus: Corpus, *, profile: str, n_jobs: int = -1, progress: bool = True) -> None:
        """Extract the features of the whole corpus, so that runs only read them."""
        for features in self.reads(profile):
            FeatureStore().get(corpus, features, n_jobs=n_jobs, progress=progress)

    def reads(self, profile: str) -> list[Any]:
        """Return the feature recipes that a run reads."""
        return [self.recipe(profile).features]

    def modules(self, profile: str) -> list[str]:
        """Return the names of the modules whose code can change a result (their imports are followed)."""
        return [part.__module__ for part in (type(self), *map(type, self.reads(profile)))]
