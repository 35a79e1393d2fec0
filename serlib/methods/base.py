"""What a method is: one row of a paper's table, or a baseline, with a recipe per profile."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from serlib.corpora.corpus import Corpus
from serlib.features.store import FeatureStore
from serlib.protocol import Fold
from serlib.training import Hardware

PROFILES = ("quick", "study", "paper")


@dataclass
class Outcome:
    """What one run leaves behind.

    Attributes:
        logits: (test utterances, classes) float32, in the order of ``fold.test``.
        predicted: (test utterances,) class indices, where the method decides otherwise than by the greatest logit.
        embeddings: (test utterances, E) float32, or None.
        history: one dict per epoch; empty for methods without epochs.
        arrays: anything else worth keeping, such as ``"weight"``, the class weight vectors (classes, E).
        notes: small facts for the manifest (chosen epoch, parameters).
        state: tensors to rebuild the trained model, stored when weights are kept.
    """

    logits: np.ndarray
    embeddings: np.ndarray | None = None
    history: list[dict] = field(default_factory=list)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    state: dict[str, np.ndarray] = field(default_factory=dict)
    predicted: np.ndarray | None = None


class Method(ABC):
    """One way to recognise emotions.

    Attributes:
        name: ``<file in methods/>/<variant>``.
        paper: number of the paper, such as ``"001"``, or ``"baseline"``.
        title: what a table's row calls it.
        keeps: whether a run leaves a model behind that can be asked again.
    """

    keeps: ClassVar[bool] = False
    name: str
    paper: str
    title: str

    @abstractmethod
    def recipe(self, profile: str) -> Any:
        """Return the recipe of a profile: all that can change a result, with ``features`` and ``to_dict()``."""

    @abstractmethod
    def run(self, corpus: Corpus, fold: Fold, *, profile: str, seed: int, hardware: Hardware) -> Outcome:
        """Train on ``fold.train`` (choosing on ``fold.dev``) and score ``fold.test`` once."""

    def variant(self, suffix: str) -> "Method":
        """Return this method under another recipe; a method without variants refuses with a ValueError."""
        raise ValueError(f"{self.name} has no variant {suffix!r}: only networks have")

    def prepare(self, corpus: Corpus, *, profile: str, n_jobs: int = -1, progress: bool = True) -> None:
        """Extract the features of the whole corpus, so that runs only read them."""
        FeatureStore().get(corpus, self.recipe(profile).features, n_jobs=n_jobs, progress=progress)

    @abstractmethod
    def modules(self, profile: str) -> list[str]:
        """Return the names of the modules whose code can change a result (their imports are followed)."""


def check_profile(profile: str) -> None:
    """Refuse an unknown profile with a ValueError."""
    if profile not in PROFILES:
        raise ValueError(f"profile is {profile!r}; allowed are {', '.join(PROFILES)}")
