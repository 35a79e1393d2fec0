"""Golden steps: what a method's code makes of two fixed clips and a fixed batch, as numbers kept beside its results.

Refactoring that leaves them as they are leaves the results; code that moves them must train anew. All is in float64
under plain gradient descent, so that processors agree: Adam would turn rounding into signs. Dropout is off, for its
draws are torch's; the recipe's own optimiser, schedule and batches have values of their own.
"""

from functools import cache

import numpy as np
import torch

from serlib import methods
from serlib.features.segments import SegmentSpectrogram
from serlib.methods import Method
from serlib.methods.neural import NeuralMethod
from serlib.methods.recipe import Recipe
from serlib.methods.resolve import resolved
from serlib.methods.scaling import Scaler
from serlib.training import Examples, Training, TrainingBatches

CLASSES, COUNTS, SECONDS = 4, (40, 20, 30, 25), (1.3, 2.2)
STEPS, RATE, TOLERANCE = 3, 0.01, 1e-6


@cache
def clips(rate_hz: int) -> tuple[np.ndarray, ...]:
    """Return two fixed clips, (samples,) float32: gliding voices of twelve harmonics, syllables, a little noise."""
    made = []
    for k, seconds in enumerate(SECONDS):
        time = np.arange(round(seconds * rate_hz)) / rate_hz
        pitch = (110 + 70 * k) * (1 + 0.2 * np.sin(2 * np.pi * (1.1 + k) * time))
        phase = 2 * np.pi * np.cumsum(pitch) / rate_hz
        voice = sum(np.sin(n * phase) / n for n in range(1, 13)) * np.abs(np.sin(2 * np.pi * 2.3 * time))
        noise = np.random.default_rng(k).standard_normal(len(time))
        made.append((0.15 * voice + 0.003 * noise).astype(np.float32))
    return tuple(made)


def golden(method: Method, profile: str) -> dict[str, float]:
    """Return by name: features of two clips; loss and embeddings over three updates; how the recipe trains."""
    recipe = method.recipe(profile)
    features = [recipe.features.extract(clip) for clip in clips(recipe.features.sample_rate_hz)]
    found = _summary("features", np.concatenate([np.ravel(x) for x in features]))
    if isinstance(method, NeuralMethod):
        found |= _steps(method, recipe, features) | _training(recipe.training)
    return {name: float(f"{value:.12g}") for name, value in found.items()}


def golden_values(method: str, profile: str) -> dict[str, float] | None:
    """Return the golden values of a method by its name; None for one that is not the project's."""
    try:
        known = methods.get(method)
    except ValueError:
        return None
    return golden(known, profile)


def differences(then: dict[str, float], now: dict[str, float]) -> list[str]:
    """Return what has moved by more than a millionth, in words; nothing: the results are those of today's code."""
    names = sorted(then.keys() | now.keys())
    pairs = [(name, then.get(name, np.nan), now.get(name, np.nan)) for name in names]
    return [f"{n} was {a:.9g} and is {b:.9g}" for n, a, b in pairs if not np.isclose(a, b, rtol=TOLERANCE, atol=1e-9)]


def _summary(name: str, values: np.ndarray) -> dict[str, float]:
    values = np.asarray(values, np.float64).ravel()
    return {f"{name}.mean": values.mean(), f"{name}.size": np.sqrt(np.square(values).mean())}


def _inputs(method: NeuralMethod, recipe: Recipe, features: list[np.ndarray]) -> list[np.ndarray]:
    """Return scaled inputs; of segments, by the exact recipe instead of the fast one in single precision."""
    if isinstance(recipe.segments, SegmentSpectrogram):
        features = [recipe.segments.extract(piece) for piece in recipe.segments.cut(features, training=False)[0]]
        scale = Scaler(features, recipe.normalise, floor=recipe.segments.quiet)
        return [scale(x) for x in features]
    state = Scaler(features, recipe.normalise, floor=recipe.unit.quiet).state | {"scaler.gain": np.asarray(3.0)}
    return method.hear(recipe, clips(recipe.features.sample_rate_hz), state).inputs


def _exact(like: np.ndarray, seed: int) -> np.ndarray:
    """Return whole 32nds between -2 and 2, which every processor has alike, in the shape of a spectrogram.

    A spectrogram itself is not: libraries choose their Fourier transform by the processor, a value is rounded to single
    precision the other way, and eighteen layers make a millionth of that.
    """
    return np.random.default_rng(seed).integers(-64, 65, like.shape).astype(np.float32) / 32


def _steps(method: NeuralMethod, recipe: Recipe, features: list[np.ndarray]) -> dict[str, float]:
    inputs, found = _inputs(method, recipe, features), {}
    if inputs[0].ndim == 3:
        found["inputs"] = float(np.mean(np.abs(np.concatenate([x.ravel() for x in inputs], dtype=np.float64))))
        inputs = [_exact(x, seed) for seed, x in enumerate(inputs)]
    lengths = torch.tensor([x.shape[-1] for x in inputs])
    frames = [torch.tensor(x, dtype=torch.float64).movedim(-1, 0) for x in inputs]
    batch = torch.nn.utils.rnn.pad_sequence(frames, batch_first=True).movedim(1, -1).contiguous()
    labels = torch.arange(len(inputs)) % CLASSES
    torch.manual_seed(0)
    network, loss = (part.double().train() for part in method.build(resolved(recipe, np.array(COUNTS))[0], CLASSES))
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    moving = [p for p in [*network.parameters(), *loss.parameters()] if p.requires_grad]
    optimiser = torch.optim.SGD(moving, lr=RATE)
    for step in range(STEPS):
        embeddings = network(batch, lengths)
        value = loss(embeddings, labels)
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(moving, 1.0)
        optimiser.step()
        found |= {f"step {step}.loss": value.item()} | _summary(f"step {step}.embeddings", embeddings.detach().numpy())
    with torch.no_grad():
        found |= _summary("logits", loss.eval().get_logits(network.eval()(batch, lengths)).numpy())
    return found


def _training(training: Training) -> dict[str, float]:
    """Return how the recipe's optimiser moves a parabola, its rates, and the order of a small corpus' clips."""
    lengths = 20 + np.arange(40) ** 2 % 97
    examples = Examples([np.zeros((1, n), np.float32) for n in lengths], np.arange(40) % CLASSES)
    batches = TrainingBatches(examples, training.batch_size, seed=0, balanced=training.balancing == "sampling")
    point = torch.nn.Parameter(torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
    optimiser = training.make_optimiser([point])
    schedule, every_batch = training.make_schedule(optimiser, len(batches))
    rates, order = [], []
    for epoch in range(training.length(len(batches))):
        for step, rows in enumerate([rows for rows, *_ in batches] if epoch < 2 else [None] * len(batches), 1):
            rates.append(optimiser.param_groups[0]["lr"])
            if rows is not None:
                order.append(rows)
                optimiser.zero_grad()
                (point * torch.tensor([1.0, 3.0, 10.0]) * point).sum().backward()
                optimiser.step()
            if schedule is not None and (every_batch or step == len(batches)):
                schedule.step()
    drawn = np.concatenate(order)
    return {
        "optimiser": point.detach().abs().sum().item(), "rates": float(np.sum(rates)), "last rate": rates[-1],
        "order": float(np.dot(drawn, np.arange(len(drawn)))), "batches": float(len(batches)),
    }  # fmt: skip
