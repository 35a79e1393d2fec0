"""Functionals and a support vector machine: what every deep model must beat."""

from dataclasses import dataclass

import numpy as np

from serlib.corpora.corpus import Corpus
from serlib.features import Functionals
from serlib.features.store import FeatureStore
from serlib.methods.base import Method, Outcome
from serlib.methods.scaling import scaled_by
from serlib.protocol import Fold
from serlib.training import Hardware


@dataclass(frozen=True)
class SVMRecipe:
    """openSMILE functionals, scaled as of :class:`serlib.methods.recipe.Recipe`, then an RBF SVC of penalty C.

    ``learns_dev``: whether the dev part is learned too; networks do not.
    """

    features: Functionals
    C: float = 1.0
    scaling: str = "train"
    learns_dev: bool = True

    def to_dict(self) -> dict:
        """Return the recipe for hashing and for the manifest, which say nothing of dev where it is learned."""
        told = {"features": self.features.to_dict(), "C": self.C, "scaling": self.scaling}
        return told if self.learns_dev else told | {"learns_dev": False}


@dataclass
class SVMBaseline(Method):
    """An SVC on functionals; it chooses nothing, so it may train on train + dev, and its seed changes nothing."""

    name: str
    title: str
    svm: SVMRecipe
    paper: str = "baseline"

    def recipes(self, profile: str) -> SVMRecipe:
        """Return the recipe, one for all profiles."""
        return self.svm

    def run(self, corpus: Corpus, fold: Fold, *, profile: str, seed: int, hardware: Hardware) -> Outcome:
        """Fit on train, and on dev where the recipe says so, and score ``fold.test``.

        Logits are the SVC's one-against-rest decision values; the decision is its vote, which differs on tied votes.
        """
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import SVC

        recipe = self.recipe(profile)
        features = np.stack(FeatureStore().get(corpus, recipe.features, n_jobs=1, progress=False)).astype(np.float64)
        if recipe.scaling == "speaker":
            features = np.stack(scaled_by(corpus.table["speaker"].to_numpy(str), list(features), "feature"))
        rows = np.sort(np.concatenate([fold.train, *[fold.dev] * recipe.learns_dev]))
        model = make_pipeline(StandardScaler(), SVC(C=recipe.C, decision_function_shape="ovr"))
        model.fit(features[rows], corpus.labels[rows])
        decisions = np.full((len(fold.test), len(corpus.classes)), -np.inf, np.float32)
        values = model.decision_function(features[fold.test])
        decisions[:, model.classes_] = np.stack([-values, values], 1) if values.ndim == 1 else values
        notes = {"support_vectors": int(model[-1].n_support_.sum())}
        return Outcome(decisions, notes=notes, predicted=model.predict(features[fold.test]))


FEATURES = {"egemaps": ("eGeMAPS", "eGeMAPSv02"), "compare": ("ComParE 2016", "ComParE_2016")}
PARTS = {"": ("", True), "-trainpart": (", exactly the networks' training part", False)}
SCALINGS = {"": ("", "train"), "-speakernorm": (", each speaker's own statistics", "speaker")}
METHODS = [
    SVMBaseline(
        f"baselines/{name}-svm{part}{own}", f"{shown} + SVC{learned}{scaled}",
        SVMRecipe(Functionals(kind), scaling=scaling, learns_dev=dev),
    )
    for part, (learned, dev) in PARTS.items()
    for name, (shown, kind) in FEATURES.items()
    for own, (scaled, scaling) in SCALINGS.items()
]  # fmt: skip
