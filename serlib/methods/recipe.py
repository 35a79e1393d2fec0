"""What a network is trained with, as plain values: all that can change a result."""

from dataclasses import dataclass, field, fields
from typing import Any

from serlib.checks import check_choice
from serlib.features import SpeedChanged
from serlib.features.segments import SegmentSpectrogram
from serlib.training import SpectrogramMasks, Training


def essentials(part: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that are not at their defaults, by name; its kind and version where it has one.

    What a later field's default leaves as it was keeps its identity, and so its results.
    """
    found = {"kind": type(part).__name__, "version": part.version} if hasattr(part, "version") else {}
    for each in fields(part):
        value = getattr(part, each.name)
        if each.default is value or each.default == value or (not value and isinstance(value, dict | tuple)):
            continue
        found[each.name] = essentials(value) if hasattr(value, "__dataclass_fields__") else value
    return found


@dataclass(frozen=True)
class Recipe:
    """Everything that can change a result, as plain values; an unknown scaling is a ValueError.

    Attributes:
        features: a feature recipe of ``serlib.features``.
        network: class name in ``serlib.models``, with ``network_options``.
        loss: class name in ``serlib.losses``, with ``loss_options``.
        training: see :class:`serlib.training.Training`.
        normalise: which values share a mean and a deviation: those of a frequency ``"bin"`` or a ``"channel"`` over
            all frames, those of a ``"feature"`` over utterances; ``"none"`` leaves the input as it is.
        scaling: by statistics of the ``"train"`` part, or by each ``"speaker"``'s own, or by each ``"corpus"``' own,
            of a joined one. The latter two are transductive: they look at the tested utterances too, of the speaker's
            part or of the whole corpus, though not at their labels.
        segments: how utterances are cut and seen, where ``features`` are waveforms; None: whole utterances.
        masks: over the training part's spectrograms, or None.
        speeds: factors at which the training part is heard besides 1: each clip in each epoch at one of them.
        networks: trained from different seeds; their probabilities are averaged.
        margin_pair: (margin of small classes, of large ones), in radians for ArcFace; None: ``loss_options`` say it.
        annealing: of an angular loss: fields of ``LambdaAnnealing``, or ``{"minimum_at": share of the training}``.
    """

    features: Any
    network: str
    loss: str
    training: Training
    network_options: dict = field(default_factory=dict)
    loss_options: dict = field(default_factory=dict)
    normalise: str = "bin"
    scaling: str = "train"
    segments: SegmentSpectrogram | None = None
    masks: SpectrogramMasks | None = None
    speeds: tuple[float, ...] = ()
    networks: int = 1
    margin_pair: tuple[float, float] | None = None
    annealing: dict[str, float] | None = None

    def __post_init__(self) -> None:
        check_choice("scaling", self.scaling, ("train", "speaker", "corpus"))

    def to_dict(self) -> dict:
        """Return the recipe for hashing and for the manifest; what it leaves out is at its default."""
        return essentials(self)

    def heard(self, *, training: bool) -> list[Any]:
        """Return the feature recipes that utterances are read with, one for each speed in training."""
        speeds = self.speeds if training else ()
        return [self.features, *(SpeedChanged(base=self.features, factor=speed) for speed in speeds)]

    @property
    def unit(self) -> Any:
        """The recipe whose values are scaled: that of the segments, or the features themselves."""
        return self.segments or self.features
