"""One place that keeps PyTorch's CPU batch norm from wrong gradients at batch size 1.

``F.batch_norm`` guesses the memory format of its input and of its gradient from strides. At batch
size 1 the batch stride is arbitrary: slicing, transposing or splitting axes leaves values for
which the two guesses disagree, and the backward pass then reads the gradient in the wrong order,
silently. Here both get the batch stride that a dense batch would have, which costs no copy.
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx


def _settle(x: Tensor) -> Tensor:
    """Gives a batch of one an unambiguous batch stride; copies only what is not dense.

    The result is a view even where the stride was right: autograd wraps a returned input in
    ``view_as``, which would pick another stride.
    """
    if x[0].is_contiguous() or x[0].permute(1, 2, 0).is_contiguous():
        return x.as_strided(x.shape, (x[0].numel(), *x.stride()[1:]))
    return x.clone(memory_format=torch.contiguous_format)


class _Settle(torch.autograd.Function):
    """Identity whose value and whose gradient have an unambiguous layout."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        return _settle(x)

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
    return _Settle.apply(norm(_Settle.apply(x)))
