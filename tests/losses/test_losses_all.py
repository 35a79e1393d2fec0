"""What holds for every loss: precision, state, modes, and the shape of what comes out."""

import copy

import pytest
import torch

from serlib.losses import (
    AngularSoftmaxLoss,
    ArcFaceLoss,
    CenterLoss,
    ClassifierLoss,
    DCaENLoss,
    FocalLoss,
    LogitAdjustedLoss,
    MetricLoss,
    SoftmaxLoss,
)

C, E, B = 4, 6, 8
MADE = {
    "softmax": lambda **options: SoftmaxLoss(C, E, **options),
    "focal": lambda **options: FocalLoss(C, E, **options),
    "angular": lambda **options: AngularSoftmaxLoss(C, E, **options),
    "angular by class": lambda **options: AngularSoftmaxLoss(C, E, margin=(6, 6, 4, 4), scale=8.0, **options),
    "arcface": lambda **options: ArcFaceLoss(C, E, **options),
    "arcface by class": lambda **options: ArcFaceLoss(C, E, margin_rad=(0.6, 0.6, 0.4, 0.4), **options),
    "center": lambda **options: CenterLoss(C, E, weight=0.1, **options),
    "adjusted": lambda **options: LogitAdjustedLoss(C, E, prior=(1, 2, 3, 4), **options),
}
WEIGHT = [0.5, 2.0, 4.0, 1.0]
WEIGHTED = MADE | {  # class weights do not concern their second term
    "dcaen": lambda **options: DCaENLoss(C, E, feature_size=E // 2, weight=0.0, **options),
    "metric": lambda **options: MetricLoss(C, E, kind="TripletMarginLoss", weight=0.0, **options),
}


@pytest.mark.parametrize("name", WEIGHTED)
def test_nothing_is_held_in_float64_which_some_devices_lack(name):
    loss = WEIGHTED[name](class_weight=WEIGHT)
    assert torch.float64 not in {held.dtype for held in [*loss.parameters(), *loss.buffers()]}


@pytest.fixture(params=MADE)
def make(request):
    torch.manual_seed(0)
    return MADE[request.param]


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(B, E, generator=generator), torch.arange(B) % C


def test_shapes_and_parameters(make, batch):
    loss = make()
    assert loss.weight.shape == (C, E)
    assert {tuple(p.shape) for p in loss.parameters()} <= {(C, E), (C,)}
    assert loss(*batch).shape == () and loss.per_sample(*batch).shape == (B,)
    assert loss.get_logits(batch[0]).shape == (B, C)
    assert loss.get_logits(batch[0]).requires_grad


@pytest.mark.parametrize("kind", WEIGHTED)
@pytest.mark.parametrize("labels", [[0, 1, 2, 3, 0, 1, 2, 3], [2] * 8, [1, 1, 1, 3], [0]])
def test_class_weights_weigh_whatever_the_batch_holds(kind, labels):
    """The sum of w l over the batch's size: of a batch of one class, or one clip, the weight is left whole."""
    if kind == "metric":
        pytest.importorskip("pytorch_metric_learning", reason="comes with the dev extra")
    torch.manual_seed(0)
    loss, y = WEIGHTED[kind](class_weight=WEIGHT).double().eval(), torch.tensor(labels)
    x = torch.randn(len(y), E, dtype=torch.float64, requires_grad=True)
    slow = sum(WEIGHT[label] * each for label, each in zip(labels, loss.per_sample(x, y), strict=True)) / len(labels)
    torch.testing.assert_close(loss(x, y), slow)
    torch.testing.assert_close(*(torch.autograd.grad(value, x)[0] for value in (loss(x, y), slow)))
    assert torch.autograd.gradcheck(lambda x: loss(x, y), x)


@pytest.mark.parametrize("options", [{}, {"class_weight": WEIGHT}])
def test_the_modes_differ_in_what_is_counted_not_in_the_mean(make, batch, options):
    loss = make(**options)
    weight = torch.tensor(WEIGHT)[batch[1]] if options else torch.ones(B)
    for mode in (True, False):
        expected = (weight * loss.train(mode).per_sample(*batch)).mean()
        torch.testing.assert_close(loss(*batch), expected)


def test_equal_class_weights_scale_and_ones_change_nothing(make, batch):
    plain = make()
    value = copy.deepcopy(plain)(*batch)
    for factor in (1.0, 3.0):
        weighted = make(class_weight=[factor] * C)
        weighted.load_state_dict(plain.state_dict())
        torch.testing.assert_close(weighted(*batch), factor * value)


@pytest.mark.parametrize("low", [torch.bfloat16, torch.float16])
def test_float32_inside_under_autocast(make, batch, low):
    loss = make(class_weight=WEIGHT).eval()
    embeddings, labels = batch[0].to(low), batch[1]
    expected, logits = loss(embeddings.float(), labels), loss.get_logits(embeddings.float())
    x = embeddings.clone().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(x, labels)
        assert torch.equal(loss.get_logits(embeddings), logits)
        assert torch.is_autocast_enabled("cpu")
    assert value.dtype == torch.float32 and torch.equal(value, expected)
    value.backward()
    assert x.grad.dtype == low and torch.isfinite(x.grad).all()
    assert loss.weight.dtype == loss.weight.grad.dtype == torch.float32


def test_autocast_trains_like_float32(make, batch):
    """The centres too are moved in float32."""
    plain = make()
    cast = copy.deepcopy(plain)
    plain(*batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast(*batch)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, cast.state_dict()[name])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_the_callers_dtype_stays(make, batch, dtype):
    loss = make(class_weight=WEIGHT)
    before = {name: value.dtype for name, value in loss.state_dict().items()}
    embeddings = batch[0].to(dtype)
    assert loss(embeddings, batch[1]).dtype == torch.float32
    assert {name: value.dtype for name, value in loss.state_dict().items()} == before
    assert embeddings.dtype == dtype


def test_double_and_half_modules(make, batch):
    loss = make(class_weight=WEIGHT).eval()
    double = copy.deepcopy(loss).double()
    assert double(batch[0].double(), batch[1]).dtype == torch.float64
    torch.testing.assert_close(double(batch[0].double(), batch[1]).float(), loss(*batch))
    half = copy.deepcopy(loss).bfloat16()
    assert half(batch[0].bfloat16(), batch[1]).dtype == torch.float32
    torch.testing.assert_close(half(batch[0].bfloat16(), batch[1]), loss(*batch), rtol=0.05, atol=0.05)
    assert half.weight.dtype == torch.bfloat16


def test_state_dict_round_trip(make, batch):
    loss = make()
    for _ in range(3):
        loss(*batch)
    fresh = make()
    fresh.load_state_dict(copy.deepcopy(loss.state_dict()))
    for _ in range(2):
        assert torch.equal(fresh(*batch), loss(*batch))
    assert all(isinstance(value, torch.Tensor) for value in loss.state_dict().values())


def test_class_weights_are_no_part_of_the_state(make, batch):
    make().load_state_dict(make(class_weight=WEIGHT).state_dict())
    assert "class_weight" in dict(make(class_weight=WEIGHT).named_buffers())


def test_logits_neither_train_nor_know_the_mode(make, batch):
    loss = make()
    state = copy.deepcopy(loss.state_dict())
    training = loss.train().get_logits(batch[0])
    assert torch.equal(loss.eval().get_logits(batch[0]), training)
    loss(*batch)
    for name, value in loss.state_dict().items():
        assert torch.equal(value, state[name])


def test_samples_do_not_touch_each_other(make, batch):
    loss = make().eval()
    alone = torch.stack([loss.per_sample(x[None], y[None])[0] for x, y in zip(*batch, strict=True)])
    torch.testing.assert_close(alone, loss.per_sample(*batch))


def test_one_step_lowers_the_loss(make, batch):
    loss = make().eval()
    embeddings = batch[0].clone().requires_grad_()
    optimiser = torch.optim.SGD([embeddings, *loss.parameters()], lr=0.01)
    before = loss(embeddings, batch[1])
    before.backward()
    optimiser.step()
    assert loss(embeddings, batch[1]) < before


def test_the_same_under_torch_func(make, batch):
    loss = make().eval()
    parameters = {name: value.detach() for name, value in loss.named_parameters()}
    stacked = torch.stack([batch[0], 2 * batch[0]])

    def value(x):
        return torch.func.functional_call(loss, parameters, (x, batch[1]))

    torch.testing.assert_close(torch.func.vmap(value)(stacked), torch.stack([value(x) for x in stacked]))


def test_the_shared_part_has_no_logits(batch):
    with pytest.raises(NotImplementedError):
        ClassifierLoss(C, E)(*batch)
