"""Batch norms that are correct if an axis has length 1.

``F.batch_norm`` infers the memory format of the input, and of the gradient, from the strides. The
stride of an axis of length 1 (a batch of one, a map of one row) is arbitrary. After slicing,
transposing or splitting axes, the two inferred formats can differ. Then the backward pass reads the
gradient in the wrong order, without an error. This file gives input and gradient the strides of a
dense tensor; a dense tensor is not copied for this. If the formats differ without an ambiguity, the
backward pass on a CPU takes five times as long as a copy, so the gradient gets the input's format.

In training, PyTorch's batch norm raises an error for a single value per channel (a linear layer on
one RoI), because one value has no variance. In this case the running statistics are used.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _settle(x: Tensor) -> Tensor:
    """Give axes of length 1 the strides of a dense tensor; copy only a tensor that is not dense.

    The result is a view, even if the strides were right. Autograd would wrap a returned input in
    ``view_as``, which chooses another stride.
    """
    _, c, h, w = x.shape
    # Both checks ignore axes of length 1. If both are true, contiguous strides are used.
    if x.is_contiguous():
        return x.as_strided(x.shape, (c * h * w, h * w, w, 1))
    if x.is_contiguous(memory_format=torch.channels_last):
        return x.as_strided(x.shape, (h * w * c, 1, w * c, c))
    return x.clone(memory_format=torch.contiguous_format)


class _Settle(torch.autograd.Function):
    """Identity that gives its output and its gradient one unambiguous layout."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x = _settle(x)
        ctx.by_channel = x.is_contiguous()
        return x

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        if grad.is_contiguous() != ctx.by_channel:
            layout = torch.contiguous_format if ctx.by_channel else torch.channels_last
            grad = grad.contiguous(memory_format=layout)
        return _settle(grad)


def guarded_norm(norm: nn.Module, x: Tensor) -> Tensor:
    """Apply a normalisation layer so that its backward pass is correct for all layouts.

    Args:
        norm: Any normalisation layer.
        x: ``[N, C, H, W]``.

    Returns:
        ``norm(x)``, ``[N, C, H, W]``.
    """
    if isinstance(norm, nn.BatchNorm2d) and norm.training and x.numel() == x.size(1):
        return F.batch_norm(
            x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )
    if x.is_cuda or torch.jit.is_tracing() or not (1 in x.shape or norm.training):
        return norm(x)  # a traced graph has no backward pass, and no node for the identity
    return _Settle.apply(norm(_Settle.apply(x)))
