"""One place that keeps PyTorch's CPU batch norm from wrong gradients at batch size 1.

``F.batch_norm`` guesses the memory format of its input and of its gradient from strides. At batch
size 1 the batch stride is arbitrary, and maps made from tokens (``[1, N, C]`` transposed and viewed
as ``[1, C, H, W]``) have one for which the two guesses disagree; the backward pass then reads the
gradient in the wrong order, silently. Both are given an unambiguous layout here.
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx


def _is_ambiguous(x: Tensor) -> bool:
    """Whether a batch of one has strides that no dense batch of two would have."""
    return x.dim() == 4 and x.size(0) == 1 and x.stride(0) != x[0].numel()


def _settle(x: Tensor) -> Tensor:
    """Copies an ambiguous tensor into the plain contiguous layout."""
    return x.clone(memory_format=torch.contiguous_format) if _is_ambiguous(x) else x


class _SettleGrad(torch.autograd.Function):
    """Identity whose gradient has an unambiguous layout."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: FunctionCtx, grad: Tensor) -> Tensor:
        return _settle(grad)


def guarded_norm(norm: nn.Module, x: Tensor) -> Tensor:
    """Applies a normalisation layer with layouts that its backward pass reads correctly.

    Args:
        norm: any normalisation layer.
        x: ``[N, C, H, W]``.

    Returns:
        ``norm(x)``, ``[N, C, H, W]``.
    """
    if x.size(0) != 1 or x.is_cuda:
        return norm(x)
    y = norm(_settle(x))
    return _SettleGrad.apply(y) if y.requires_grad else y
