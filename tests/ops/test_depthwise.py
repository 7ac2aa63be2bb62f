"""Sums of dilated depth-wise convolutions."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spikedense.ops import dilated_sum

DILATIONS = (1, 3, 5)


def drawn(batch: int, height: int, width: int) -> tuple[Tensor, list[Tensor]]:
    x = torch.randn(batch, 4, height, width, dtype=torch.float64, requires_grad=True)
    shape = (4, 1, 3, 3)
    return x, [torch.randn(shape, dtype=torch.float64, requires_grad=True) for _ in DILATIONS]


@pytest.mark.parametrize('size', [(1, 5, 7), (3, 1, 1), (2, 8, 3), (2, 1, 6)])
def test_equals_convolutions_with_their_gradients(size: tuple[int, int, int]) -> None:
    x, weights = drawn(*size)
    convs = [
        F.conv2d(x, weight, padding=d, dilation=d, groups=4)
        for weight, d in zip(weights, DILATIONS, strict=True)
    ]
    found, expected = dilated_sum(x, weights, DILATIONS), torch.stack(convs).sum(0)
    torch.testing.assert_close(found, expected)
    grad = torch.randn_like(found)
    inputs = [x, *weights]
    for mine, torchs in zip(
        torch.autograd.grad(found, inputs, grad),
        torch.autograd.grad(expected, inputs, grad),
        strict=True,
    ):
        torch.testing.assert_close(mine, torchs)


def test_a_frozen_kernel_gets_no_gradient() -> None:
    x, weights = drawn(2, 4, 5)
    weights[1].requires_grad_(False)
    dilated_sum(x, weights, DILATIONS).sum().backward()
    assert weights[1].grad is None
    assert weights[0].grad is not None
    assert weights[2].grad is not None
