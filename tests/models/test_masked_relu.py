"""ReLU and mask in one: what the two give one after the other, to the bit, on the way there and back."""

import pytest
import torch

from serlib.models.pooling import mask_tail, masked_relu

LENGTHS = torch.tensor([7, 3, 5])
LAYOUTS = {"ordinary": torch.contiguous_format, "channels last": torch.channels_last}


def clips(layout: str, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Three clips of 7 frames at most; a padded frame holds NaN, one of them infinity."""
    x = torch.randn(3, 4, 2, 7, generator=torch.Generator().manual_seed(0), dtype=dtype)
    x[1, ..., 3:], x[2, :, 0, 6] = float("nan"), float("inf")
    return x.contiguous(memory_format=LAYOUTS[layout]).requires_grad_()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_both_ways_agree_to_the_bit(layout, dtype):
    first, second = clips(layout, dtype), clips(layout, dtype)
    ours, apart = masked_relu(first, LENGTHS), mask_tail(torch.relu(second), LENGTHS)
    assert torch.equal(ours, apart) and ours.stride() == apart.stride() and ours.isfinite().all()
    pull = torch.randn(ours.shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    pull[1, ..., 4] = float("nan")  # what comes back to a padded frame goes no further
    ours.backward(pull), apart.backward(pull)
    assert torch.equal(first.grad, second.grad) and first.grad.isfinite().all() and first.grad.any()


def test_the_gradient_is_that_of_differences():
    x = clips("ordinary", torch.float64)
    x = torch.where(x.isfinite(), x, 1.0).detach().requires_grad_()
    assert torch.autograd.gradcheck(lambda each: masked_relu(each, LENGTHS), x)


def test_without_padding_or_gradient_it_is_the_plain_pair():
    x = clips("ordinary")
    with torch.no_grad():
        assert torch.equal(masked_relu(x, LENGTHS), mask_tail(torch.relu(x), LENGTHS))
    whole = torch.full((3,), 7)
    assert "ReluBackward" in type(masked_relu(x, whole).grad_fn).__name__


def test_a_second_derivative_is_refused_not_wrong():
    x = torch.randn(3, 1, 1, 7, requires_grad=True)
    (first,) = torch.autograd.grad(masked_relu(x, LENGTHS).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()
