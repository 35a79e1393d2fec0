"""Beyond the papers: inputs scaled by each speaker's own statistics, and several networks that are averaged."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_softmax, logsumexp

from serlib.corpora.corpus import Corpus
from serlib.methods.base import Outcome
from serlib.methods.neural import NeuralMethod, Recipe, Scaler
from serlib.protocol import Fold
from serlib.training import Examples, Hardware


@dataclass(frozen=True)
class AdaptedRecipe(Recipe):
    """A recipe with two things more.

    Attributes:
        by_speaker: scale each speaker's features by that speaker's own mean and deviation per bin. Transductive: of a
            test speaker it looks at all utterances of the part, though not at their labels.
        networks: trained from different seeds; their probabilities are averaged.
    """

    by_speaker: bool = False
    networks: int = 1


class AdaptedMethod(NeuralMethod):
    """A method with an :class:`AdaptedRecipe`; history, weight and state are those of the first network."""

    def modules(self, profile: str) -> list[str]:
        """Return this frame's module too."""
        return [__name__, *super().modules(profile)]

    def part(
        self, corpus: Corpus, recipe: AdaptedRecipe, rows: np.ndarray, *, hardware: Hardware, training: bool = False
    ) -> Examples:
        """Read a fold's part, each speaker (at each speed) scaled by what is there of him or her."""
        part = super().part(corpus, recipe, rows, hardware=hardware, training=training)
        if not recipe.by_speaker:
            return part
        speakers = np.tile(corpus.table["speaker"].to_numpy(str)[rows], len(part) // len(rows))
        voices = np.char.add(speakers, np.repeat(np.arange(len(part) // len(rows)), len(rows)).astype(str))
        inputs = list(part.inputs)
        for voice in np.unique(voices):
            mine = np.flatnonzero(voices == voice)
            scale = Scaler([inputs[i] for i in mine], "bin")
            for i in mine:
                inputs[i] = scale(inputs[i])
        return replace(part, inputs=inputs)

    def run(self, corpus: Corpus, fold: Fold, *, profile: str, seed: int, hardware: Hardware) -> Outcome:
        """Train every network on ``fold.train`` and average what they say of ``fold.test``."""
        count = self.recipe(profile).networks
        seeds = range(seed * count, (seed + 1) * count)
        outcomes = [
            super(AdaptedMethod, self).run(corpus, fold, profile=profile, seed=s, hardware=hardware) for s in seeds
        ]
        chances = logsumexp([log_softmax(o.logits, axis=1) for o in outcomes], axis=0) - np.log(count)
        return replace(outcomes[0], logits=chances.astype(np.float32))
