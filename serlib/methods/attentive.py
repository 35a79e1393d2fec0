"""A method whose network weighs what it has pooled: the weights of the test part are kept for pictures."""

from dataclasses import replace

import torch

from serlib.corpora.corpus import Corpus
from serlib.methods.base import Outcome
from serlib.methods.neural import NeuralMethod
from serlib.protocol import Fold
from serlib.training import Hardware
from serlib.training.batches import scoring_batches


class AttentiveMethod(NeuralMethod):
    """Leaves ``arrays["attention"]``, (test utterances, N), rows that sum to 1, of a network with ``attention``."""

    def modules(self, profile: str) -> list[str]:
        """Return this frame's module too."""
        return [__name__, *super().modules(profile)]

    def run(self, corpus: Corpus, fold: Fold, *, profile: str, seed: int, hardware: Hardware) -> Outcome:
        """Train and score, then ask the chosen network for its weights."""
        outcome, recipe = super().run(corpus, fold, profile=profile, seed=seed, hardware=hardware), self.recipe(profile)
        network, _ = self.build(recipe, corpus.labels[fold.train], len(corpus.classes), seed)
        trained = {k: torch.as_tensor(v) for k, v in outcome.state.items() if k.startswith("network.")}
        network.load_state_dict({k.removeprefix("network."): v for k, v in trained.items()})
        test = self.part(corpus, recipe, fold.test, hardware=hardware)
        inputs = [(x - outcome.state["scaler.mean"]) / outcome.state["scaler.deviation"] for x in test.inputs]
        weights = torch.zeros(len(inputs), network.pool.bins)
        with torch.no_grad():
            for rows, batch, lengths in scoring_batches(inputs, 32):
                weights[rows] = network.eval().attention.weights(network.vectors(batch, lengths))
        return replace(outcome, arrays=outcome.arrays | {"attention": weights.numpy()})
