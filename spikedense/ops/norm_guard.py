"""One place that keeps PyTorch's batch norm from what it cannot do where an axis has length 1.

``F.batch_norm`` guesses the memory format of its input and of its gradient from strides. The
stride of an axis of length 1 (a batch of one, a map of one row) is arbitrary: slicing, transposing
or splitting axes leaves values for which the two guesses disagree, and the backward pass then
reads the gradient in the wrong order, silently. Here both get the strides that a dense tensor
would have, which costs no copy.

And a batch norm that trains refuses a single value a channel (a linear layer on one RoI), which
has no variance: there it uses its running statistics.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx


def _settle(x: Tensor) -> Tensor:
    """Gives axes of length 1 the strides of a dense tensor; copies only what is not dense.

    The result is a view even where the strides were right: autograd wraps a returned input in
    ``view_as``, which would pick another stride.
    """
    _, c, h, w = x.shape
    # Both questions overlook axes of length 1; where both are true the first answer stands.
    if x.is_contiguous():
        return x.as_strided(x.shape, (c * h * w, h * w, w, 1))
    if x.is_contiguous(memory_format=torch.channels_last):
        return x.as_strided(x.shape, (h * w * c, 1, w * c, c))
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
    if isinstance(norm, nn.BatchNorm2d) and norm.training and x.numel() == x.size(1):
        return F.batch_norm(
            x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )
    if 1 not in x.shape or x.is_cuda:
        return norm(x)
    return _Settle.apply(norm(_Settle.apply(x)))
