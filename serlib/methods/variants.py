"""The same network under another recipe or loss: ``+strong``, ``+speaker``, ``+arcface`` and so on behind its name.

A loss is in the setting that was chosen on dev for the functionals' network, or in a named one: ``+arcface-m0.25-s8``.
"""

from dataclasses import replace
from functools import partial

from serlib.methods.recipe import Recipe
from serlib.methods.settings import LOSSES, UNDER, parts_of
from serlib.training import SpectrogramMasks, Training

SPEEDS = (0.9, 0.95, 1.05, 1.1)  # besides 1; each clip in each epoch at one of the five
MASKS = SpectrogramMasks(colour=0.5, contrast=0.15)
DROPOUT = 0.5
UPDATES = {"quick": 20, "study": 1200, "paper": 6000}
LONGER = 3  # times the updates
WIDTHS = (8, 16, 32, 64, 128)
SLOW = {"CNNBiRNN": 3}  # networks that need so many times the updates to come to rest
UNSEEN = ("FeatureNetwork", "RawWaveformNetwork", "DCaEN")  # networks that read no spectrogram: nothing to mask


def strong(recipe: Recipe, profile: str) -> Recipe:
    """Return the regularised recipe that all networks and losses share: nothing in it was tuned for one of them.

    Changed speeds, masks, colours, dropout before the loss, Adam at 2e-3 that falls to 0 along a cosine, weight decay
    1e-4, batches of 16, averaged weights, as many updates as bring a network to rest. What the paper prints against
    unequal classes stays. Chosen in some 15 trainings of three networks under softmax, on dev of two or three of five
    folds of EMO-DB, where a second training differs by about 3 points. Of ResNet-18 in three of them: 69 % UA; without
    colours 65, with twice the colour 66, under SGD 62, with half the bands and 24 filters 63 (the last two without
    colours). The updates, on dev of one fold (study profile): CNN-BiRNN 51 % UA after 1200 and 71 after 4800, ResNet-18
    75.7 after 1200 and 74.8 after 3000, the network of paper 002 61.6 after 1200 and 61.2 after 2400.
    """
    updates = UPDATES[profile] * SLOW.get(recipe.network, 1)
    training = Training(
        updates=updates, batch_size=16, learning_rate=2e-3, weight_decay=1e-4, schedule="cosine",
        clip_norm=5.0, balancing=recipe.training.balancing, ending="average",
    )  # fmt: skip
    return replace(
        recipe, training=training, speeds=SPEEDS, masks=None if recipe.network in UNSEEN else MASKS,
        network_options=recipe.network_options | {"dropout": DROPOUT},
    )  # fmt: skip


def scaled_by_own(recipe: Recipe, profile: str, *, scaling: str) -> Recipe:
    """Return the recipe scaled by each speaker's or corpus' own statistics, per bin where it was per channel.

    A recipe that scales by the other of the two already is a ValueError.
    """
    if recipe.scaling not in ("train", scaling):
        raise ValueError(f"cannot scale by {scaling} what is scaled by {recipe.scaling}; allowed is one of the two")
    return replace(recipe, scaling=scaling, normalise="bin" if recipe.normalise == "channel" else recipe.normalise)


def by_decree(recipe: Recipe, profile: str) -> Recipe:
    """Return the recipe whose first two classes have the margin of small ones, whatever their sizes, the last two not.

    For the four classes of paper 000 in the order of a corpus: anger, happiness | neutral, sadness. A recipe without a
    pair of margins is a ValueError.
    """
    if recipe.margin_pair is None:
        raise ValueError("nothing to decree: the margins do not depend on the size of classes")
    (small, large), where = recipe.margin_pair, "margin_rad" if recipe.loss == "ArcFaceLoss" else "margin"
    options = recipe.loss_options | {where: (small, small, large, large)}
    return replace(recipe, margin_pair=None, loss_options=options)


def longer(recipe: Recipe, profile: str) -> Recipe:
    """Return the recipe with three times the updates, its schedule stretched: was the training long enough?

    UA in training cannot answer that, for under a rate that falls to 0 it always comes to rest.
    """
    training, much = recipe.training, "updates" if recipe.training.epochs is None else "epochs"
    return replace(recipe, training=replace(training, **{much: LONGER * getattr(training, much)}))


def as_wide(recipe: Recipe, profile: str, *, filters: int) -> Recipe:
    """Return the recipe with so many filters in the first stage, from which the others follow: does width matter?

    A network whose width is a share of the paper's, or that has none, is a ValueError.
    """
    if not isinstance(width := recipe.network_options.get("width"), int):
        raise ValueError(f"{recipe.network} counts no filters (its width is {width}), so it cannot have {filters}")
    return replace(recipe, network_options=recipe.network_options | {"width": filters})


def under(recipe: Recipe, profile: str, *, loss: str, setting: str) -> Recipe:
    """Return the recipe under another loss in one of its settings.

    The learning rate stays the recipe's own, and so does its balancing where that of the loss is not what it is about:
    nothing is tuned for one loss more than for another. A recipe that is not under softmax (a center loss of weight 0
    is) is a ValueError.
    """
    without_pull = recipe.loss == "CenterLoss" and not recipe.loss_options.get("weight")
    if recipe.loss != "SoftmaxLoss" and not without_pull:
        raise ValueError(f"its loss is {recipe.loss} already; another loss takes the place of SoftmaxLoss alone")
    kind, changed = parts_of(loss, setting)
    training = {name: value for name, value in changed["training"].items() if name != "learning_rate"}
    return replace(
        recipe, loss=kind, loss_options=changed["loss"], training=replace(recipe.training, **training),
        **changed["recipe"],
    )  # fmt: skip


VARIANTS = (
    {
        "strong": ("regularised", strong),
        "speaker": ("each speaker's own statistics", partial(scaled_by_own, scaling="speaker")),
        "corpus": ("each corpus' own statistics", partial(scaled_by_own, scaling="corpus")),
        "decree": ("margins by decree", by_decree),
        "longer": ("three times the updates", longer),
    }
    | {f"w{n}": (f"{n} filters", partial(as_wide, filters=n)) for n in WIDTHS}
    | {
        name: (LOSSES[loss][1] + f", {setting}" * (name != loss), partial(under, loss=loss, setting=setting))
        for name, (loss, setting) in UNDER.items()
    }
)
