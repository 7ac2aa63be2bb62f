"""Sums of dilated depth-wise 3x3 convolutions, with a fast backward pass on CPUs."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


class _DilatedSum(torch.autograd.Function):
    """The sum, with gradients made of forward convolutions.

    PyTorch's own gradients of a dilated depth-wise convolution take ten times as long as the
    convolution on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, dilations: tuple[int, ...], *weights: Tensor) -> Tensor:
        ctx.save_for_backward(x, *weights)
        ctx.dilations = dilations
        return _added(x, weights, dilations)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, *weights = ctx.saved_tensors
        grad = grad.contiguous()
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = _added(grad, [weight.flip(2, 3) for weight in weights], ctx.dilations)
        of_weights = (
            _weight_gradient(x, grad, weight, dilation) if needed else None
            for weight, dilation, needed in zip(
                weights, ctx.dilations, ctx.needs_input_grad[2:], strict=True
            )
        )
        return of_x, None, *of_weights


def dilated_sum(x: Tensor, weights: Sequence[Tensor], dilations: Sequence[int]) -> Tensor:
    """Add up depth-wise 3x3 convolutions that keep the size of the map.

    Args:
        x: ``[N, C, H, W]``.
        weights: A kernel ``[C, 1, 3, 3]`` for each dilation.
        dilations: The dilations; the zero padding of a convolution is its dilation.

    Returns:
        ``[N, C, H, W]``.
    """
    return _DilatedSum.apply(x, tuple(dilations), *weights)


def _added(x: Tensor, weights: Sequence[Tensor], dilations: Sequence[int]) -> Tensor:
    total: Any = None
    for weight, dilation in zip(weights, dilations, strict=True):
        y = F.conv2d(x, weight, padding=dilation, dilation=dilation, groups=x.size(1))
        total = y if total is None else total.add_(y)
    return total


def _weight_gradient(x: Tensor, grad: Tensor, weight: Tensor, dilation: int) -> Tensor:
    """Return the gradient of a kernel: input and gradient, correlated at nine offsets.

    The pixels of a map whose distance is a multiple of the dilation form a small map. On the small
    maps, the convolution has a dilation of 1, for which PyTorch is fast.
    """
    return torch.ops.aten.convolution_backward(
        _small_maps(grad, dilation),
        _small_maps(x, dilation),
        weight,
        None,
        (1, 1),
        (1, 1),
        (1, 1),
        False,
        (0, 0),
        x.size(1),
        (False, True, False),
    )[1]


def _small_maps(x: Tensor, step: int) -> Tensor:
    """Split a map, padded to a multiple of a step: ``[N, C, H, W] -> [N * step^2, C, h, w]``."""
    if step == 1:
        return x
    x = F.pad(x, (0, -x.size(3) % step, 0, -x.size(2) % step))
    rows = x.unflatten(3, (-1, step)).unflatten(2, (-1, step))
    return rows.permute(0, 3, 5, 1, 2, 4).flatten(0, 2)
