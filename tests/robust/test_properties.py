"""What holds of any batch: losses are finite and fair to each sample, pooling sees no padding, scores add up."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from serlib import losses
from serlib.models.pooling import AttentionPooling, MaskedMeanPooling, mask_tail, over_time
from serlib.protocol import Scores

CLASSES, SIZE = 3, 6
LOSSES = {
    "softmax": losses.SoftmaxLoss,
    "focal": losses.FocalLoss,
    "focal 0.5": partial(losses.FocalLoss, gamma=0.5),
    "center": partial(losses.CenterLoss, weight=0.1),
    "angular": partial(losses.AngularSoftmaxLoss, margin=(6, 4, 2), annealing=None),
    "arcface": partial(losses.ArcFaceLoss, margin_rad=(0.5, 3.0, 0.0), scale=16.0),
    "adjusted": partial(losses.LogitAdjustedLoss, prior=(0.7, 0.2, 0.1)),
    "dcaen": partial(losses.DCaENLoss, feature_size=3),
}
quick = settings(max_examples=25, deadline=None)


@pytest.mark.parametrize("name", LOSSES)
@quick
@given(
    labels=st.lists(st.integers(0, CLASSES - 1), min_size=1, max_size=6), seed=st.integers(0, 999),
    exponent=st.integers(-12, 6), kind=st.sampled_from(["drawn", "zero", "alike", "on a weight", "against it"]),
)  # fmt: skip
def test_any_embeddings_have_a_finite_loss_and_gradient_and_no_companions(name, labels, seed, exponent, kind):
    torch.manual_seed(seed)
    loss, y = LOSSES[name](CLASSES, SIZE), torch.tensor(labels)
    drawn = torch.randn(len(labels), SIZE)
    own = {"drawn": drawn, "zero": 0 * drawn, "alike": drawn[:1].repeat(len(labels), 1)}
    own = own.get(kind, loss.weight.detach()[y] * (1 if kind == "on a weight" else -1))
    x = (10.0**exponent * own).requires_grad_()
    loss(x, y).backward()
    assert torch.isfinite(loss(x, y)) and torch.isfinite(x.grad).all()
    assert all(torch.isfinite(p.grad).all() for p in loss.parameters() if p.grad is not None)
    loss.eval()
    alone = torch.cat([loss.per_sample(x[i : i + 1], y[i : i + 1]) for i in range(len(y))])
    rounding = 1e-5 * float(1 + alone.detach().abs().max())
    torch.testing.assert_close(loss.per_sample(x, y), alone, rtol=1e-4, atol=rounding)
    assert torch.isfinite(loss.get_logits(x)).all()


@quick
@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=5), more=st.integers(0, 4), seed=st.integers(0, 999),
    garbage=st.sampled_from([0.0, 1e30, float("inf"), float("nan")]),
)  # fmt: skip
def test_what_stands_behind_a_clip_never_matters(lengths, more, seed, garbage):
    torch.manual_seed(seed)
    valid, frames = torch.tensor(lengths), max(lengths) + more
    x = torch.randn(len(lengths), 2, 3, frames)
    tail = torch.arange(frames) >= valid[:, None, None, None]
    x = torch.where(tail, garbage, x)
    pooled, lstm = MaskedMeanPooling()(x, valid), torch.nn.LSTM(6, 4, batch_first=True, bidirectional=True)
    outputs, state = over_time(lstm, mask_tail(x, valid).permute(0, 3, 1, 2).flatten(2), valid)
    for i, n in enumerate(lengths):
        clip = x[i : i + 1, :, :, :n]
        torch.testing.assert_close(pooled[i], clip.mean((0, 2, 3)))
        alone, last = lstm(clip.permute(0, 3, 1, 2).flatten(2))
        torch.testing.assert_close(outputs[i, :n], alone[0])
        torch.testing.assert_close(state[:, i], last[0][:, 0])
        assert not outputs[i, n:].any()


@quick
@given(vectors=st.integers(1, 9), seed=st.integers(0, 999), scale=st.sampled_from([0.0, 1.0, 1e3]))
def test_attention_weighs_by_shares(vectors, seed, scale):
    torch.manual_seed(seed)
    layer, x = AttentionPooling(4, mode="sum"), scale * torch.randn(3, vectors, 4)
    weights = layer.weights(x)
    torch.testing.assert_close(weights.sum(1), torch.ones(3))
    low, high = x.min(1).values - 1e-3 * (1 + scale), x.max(1).values + 1e-3 * (1 + scale)
    assert (weights >= 0).all() and (layer(x) >= low).all() and (layer(x) <= high).all()


@settings(quick, max_examples=8)  # each is a bootstrap
@given(
    rows=st.lists(st.tuples(st.integers(0, 3), *[st.integers(0, CLASSES - 1)] * 2), min_size=1, max_size=40),
    order=st.randoms(use_true_random=False),
)  # fmt: skip
def test_scores_are_those_of_scikit_learn_in_any_order_of_rows(rows, order):
    names = np.array(["anger", "neutral", "sadness"])
    table = pd.DataFrame(rows, columns=["speaker", "emotion", "predicted"])
    table = table.assign(
        fold="fold-" + table["speaker"].astype(str), seed=0, utterance=[f"u{i}" for i in range(len(rows))]
    )
    table = table.assign(emotion=names[table["emotion"]], predicted=names[table["predicted"]], speaker=table["fold"])
    shuffled = table.sample(frac=1, random_state=order.randrange(1000))
    given = {"method": "focal/mfcc-focal", "corpus": "made", "profile": "study", "scheme": "speaker-folds-5"}
    given |= {"classes": tuple(names), "logits": np.zeros((len(rows), CLASSES), np.float32)}
    one, other = (Scores(**given, predictions=each.reset_index(drop=True)) for each in (table, shuffled))
    summary = one.summary()
    ua = balanced_accuracy_score(table["emotion"], table["predicted"])
    assert summary.at["UA", "pooled"] == pytest.approx(100 * ua)
    assert summary.at["WA", "pooled"] == pytest.approx(100 * accuracy_score(table["emotion"], table["predicted"]))
    pd.testing.assert_frame_equal(summary, other.summary())
    assert one.confusion().to_numpy().sum() == len(rows)
    low, high = summary.at["UA", "low"], summary.at["UA", "high"]
    assert np.isnan(low) or 0 <= low <= summary.at["UA", "pooled"] <= high <= 100
