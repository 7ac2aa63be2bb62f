"""Sums of dilated depth-wise convolutions."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spikedense.ops import add_dilated_sum_, depthwise, dilated_sum

DILATIONS = (1, 3, 5)


def drawn(batch: int, height: int, width: int) -> tuple[Tensor, list[Tensor]]:
    x = torch.randn(batch, 4, height, width, dtype=torch.float64, requires_grad=True)
    shape = (4, 1, 3, 3)
    return x, [torch.randn(shape, dtype=torch.float64, requires_grad=True) for _ in DILATIONS]


@pytest.mark.parametrize('size', [(1, 5, 7), (3, 1, 1), (2, 8, 3), (2, 1, 6), (1, 23, 4)])
@pytest.mark.parametrize('rows', [3, 100])
def test_equals_convolutions_with_their_gradients(
    size: tuple[int, int, int], rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ('_BLOCK', '_GRADIENT_BLOCK'):
        monkeypatch.setattr(depthwise, name, rows * 4 * size[2])
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


def test_a_sum_is_added_in_place() -> None:
    x, weights = drawn(2, 6, 5)
    total, bias = torch.randn_like(x), torch.randn(4, dtype=torch.float64)
    with torch.no_grad():
        expected = total + dilated_sum(x, weights, DILATIONS, bias)
        torch.testing.assert_close(
            expected, total + dilated_sum(x, weights, DILATIONS) + bias[:, None, None]
        )
    add_dilated_sum_(total, x, weights, DILATIONS, bias)
    torch.testing.assert_close(total, expected)
