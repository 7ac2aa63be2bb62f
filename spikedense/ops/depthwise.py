"""Sums of dilated depth-wise 3x3 convolutions, fast on CPUs.

All maps are computed in the memory format channels_last, in blocks of rows that stay in the cache.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

#: Elements of a block of a map; the copies that a gradient makes cost more than a full cache.
_BLOCK = 2**21
_GRADIENT_BLOCK = 2**22


class _DilatedSum(torch.autograd.Function):
    """The sum, with gradients made of fast convolutions.

    PyTorch's own gradients of a dilated depth-wise convolution take ten times as long as the
    convolution on a CPU.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, dilations: tuple[int, ...], *weights: Tensor) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        ctx.save_for_backward(x, *weights)
        ctx.dilations = dilations
        return _added(x, weights, dilations)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, *weights = ctx.saved_tensors
        grad = grad.contiguous(memory_format=torch.channels_last)
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


def dilated_sum(
    x: Tensor,
    weights: Sequence[Tensor],
    dilations: Sequence[int],
    bias: Tensor | None = None,
) -> Tensor:
    """Add up depth-wise 3x3 convolutions that keep the size of the map.

    Args:
        x: ``[N, C, H, W]``.
        weights: A kernel ``[C, 1, 3, 3]`` for each dilation.
        dilations: The dilations; the zero padding of a convolution is its dilation.
        bias: ``[C]`` or None, for calls without gradients only.

    Returns:
        ``[N, C, H, W]`` in the memory format channels_last.
    """
    if bias is not None:
        return _added(x.contiguous(memory_format=torch.channels_last), weights, dilations, bias)
    return _DilatedSum.apply(x, tuple(dilations), *weights)


@torch.no_grad()
def add_dilated_sum_(
    onto: Tensor,
    x: Tensor,
    weights: Sequence[Tensor],
    dilations: Sequence[int],
    bias: Tensor | None = None,
) -> None:
    """Add :func:`dilated_sum` to the map ``onto`` in place, without gradients."""
    for image, rows in _blocks(x):
        _add_block_(onto[image, :, rows], x[image], rows, weights, dilations, bias)


def _added(
    x: Tensor,
    weights: Sequence[Tensor],
    dilations: Sequence[int],
    bias: Tensor | None = None,
) -> Tensor:
    blocks = list(_blocks(x))
    if len(blocks) == 1:  # no copy
        ((_, rows),) = blocks
        out = _rows(x, rows, weights[0], dilations[0], bias)
        _add_block_(out, x, rows, weights[1:], dilations[1:])
        return out
    out = torch.empty_like(x)
    for image, rows in blocks:
        block = out[image, :, rows]
        block.copy_(_rows(x[image], rows, weights[0], dilations[0], bias))
        _add_block_(block, x[image], rows, weights[1:], dilations[1:])
    return out


def _blocks(x: Tensor) -> Iterator[tuple[slice, slice]]:
    """Yield images, and rows of blocks that stay in the cache of a CPU."""
    _, C, H, W = x.shape
    step = max(1, _BLOCK // (C * W))
    for image in range(x.size(0)):
        for first in range(0, H, step):
            yield slice(image, image + 1), slice(first, min(first + step, H))


def _add_block_(
    onto: Tensor,
    x: Tensor,
    rows: slice,
    weights: Sequence[Tensor],
    dilations: Sequence[int],
    bias: Tensor | None = None,
) -> None:
    """Add rows of the sum to ``onto``."""
    for weight, dilation in zip(weights, dilations, strict=True):
        onto.add_(_rows(x, rows, weight, dilation, bias))
        bias = None  # the first convolution adds it


def _rows(
    x: Tensor, rows: slice, weight: Tensor, dilation: int, bias: Tensor | None = None
) -> Tensor:
    """Return rows of a convolution of ``[1, C, H, W]``, computed from the rows that they need."""
    first, last = max(0, rows.start - dilation), min(x.size(2), rows.stop + dilation)
    inner = first == rows.start - dilation and last == rows.stop + dilation
    padding = (0 if inner else dilation, dilation)
    y = F.conv2d(x[:, :, first:last], weight, bias, 1, padding, dilation, x.size(1))
    return y if inner else y[:, :, rows.start - first : rows.stop - first]


def _weight_gradient(x: Tensor, grad: Tensor, weight: Tensor, dilation: int) -> Tensor:
    """Return the gradient of a kernel: input and gradient, correlated at nine offsets.

    PyTorch is fast without a dilation only, so every d-th row and column become an own image.
    """
    found = torch.zeros_like(weight)
    mask = (False, True, False)
    _, C, H, W = x.shape
    step = max(1, _GRADIENT_BLOCK // (C * W * dilation)) * dilation
    for first in range(0, H, step):
        last = min(first + step, H)
        below = -(last - first) % dilation
        top, bottom = first - dilation, last + below + dilation
        x_rows = x[:, :, max(0, top) : bottom]
        x_rows = _spread(x_rows, dilation, max(0, -top), bottom - max(0, top) - x_rows.size(2))
        g_rows = _spread(grad[:, :, first:last], dilation, 0, below)
        found += torch.ops.aten.convolution_backward(
            g_rows, x_rows, weight, None, (1, 1), (0, 1), (1, 1), False, (0, 0), C, mask
        )[1]
    return found


def _spread(x: Tensor, d: int, above: int, below: int) -> Tensor:
    """Pad with rows, and make an image of every d-th row and column, ``[N * d * d, C, h, w]``.

    ``above`` is a multiple of d, and so is the number of rows of the padded map.
    """
    if d == 1 and not above and not below:
        return x
    N, C, H, W = x.shape
    out = x.new_empty(N, d, d, (above + H + below) // d, (W + d - 1) // d, C)
    grid = out.permute(0, 3, 1, 4, 2, 5)  # [N, h, d, w, d, C]
    inner = grid[:, above // d :]
    # The margins are set to zero before the rest of the map is written over a part of them.
    for margin in (grid[:, : above // d], inner[:, H // d :], inner[:, : H // d, :, W // d :]):
        margin.zero_()
    tokens = x.permute(0, 2, 3, 1)
    for y, ys in _whole_and_rest(H, d):
        for column, columns in _whole_and_rest(W, d):
            part = tokens[:, y, column].unflatten(1, (-1, ys)).unflatten(3, (-1, columns))
            h, w = y.start // d, column.start // d
            inner[:, h : h + part.size(1), :ys, w : w + part.size(3), :columns] = part
    return out.flatten(0, 2).permute(0, 3, 1, 2)


def _whole_and_rest(size: int, d: int) -> Iterator[tuple[slice, int]]:
    """Cut an axis into whole groups of d places and the rest; yield places and group size."""
    whole = size - size % d
    if whole:
        yield slice(0, whole), d
    if whole < size:
        yield slice(whole, size), size - whole
