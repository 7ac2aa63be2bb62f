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
    """Return the gradient of a kernel: input and gradient, correlated at nine offsets."""
    channels = x.size(1)
    if dilation == 1:
        mask = (False, True, False)
        ones, zeros = (1, 1), (0, 0)
        return torch.ops.aten.convolution_backward(
            grad, x, weight, None, ones, ones, ones, False, zeros, channels, mask
        )[1]
    # For one image, the gradient of the output is the kernel of a convolution whose stride is the
    # dilation.
    total: Any = 0
    for image, of_image in zip(x.split(1), grad.split(1), strict=True):
        padded = F.pad(image, (dilation,) * 4)
        total = total + F.conv2d(padded, of_image.transpose(0, 1), stride=dilation, groups=channels)
    return total.transpose(0, 1)
