"""How single operations of torch are read: which ones move numbers, multiply, and how often."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import flop_registry

aten = torch.ops.aten

#: Operations that hand on some of the numbers of their first tensor as they are: what held spikes
#: holds spikes.
MOVES = frozenset(
    getattr(aten, name)
    for name in (
        '_reshape_alias',
        '_to_copy',
        '_unsafe_view',
        'alias',
        'as_strided',
        'clone',
        'constant_pad_nd',
        'contiguous',
        'copy_',
        'detach',
        'diagonal',
        'expand',
        'flip',
        'gather',
        'im2col',
        'index',
        'index_select',
        'lift_fresh',
        'masked_fill',
        'masked_select',
        'max_pool2d_with_indices',
        'narrow',
        'permute',
        'pixel_shuffle',
        'pixel_unshuffle',
        'relu',
        'repeat',
        'replication_pad2d',
        'reflection_pad2d',
        'roll',
        'select',
        'slice',
        'split',
        'split_with_sizes',
        'squeeze',
        't',
        'transpose',
        'unbind',
        'unfold',
        'unsqueeze',
        'upsample_nearest2d',
        'view',
        'where',
    )
)
#: New tensors of the shape or kind of another one, whose numbers they do not read.
FACTORIES = frozenset(
    getattr(aten, name)
    for name in (
        'empty_like',
        'full_like',
        'new_empty',
        'new_empty_strided',
        'new_full',
        'new_ones',
        'new_zeros',
        'ones_like',
        'rand_like',
        'zeros_like',
    )
)
#: Those whose numbers come from a list of tensors.
JOINS = frozenset((aten.cat, aten.stack))
#: Sums of products.
CONTRACTIONS = frozenset(
    (
        aten.convolution,
        aten.mm,
        aten.addmm,
        aten.bmm,
        aten.baddbmm,
        *(
            packet
            for packet in flop_registry
            if 'scaled_dot_product' in str(packet) and 'backward' not in str(packet)
        ),
    )
)
#: Operations that multiply element by element, or by numbers of their own, and how often an output
#: element is multiplied.
_MULTIPLIES: dict[str, float] = {
    'mul': 1,
    'mul_': 1,
    'div': 1,
    'div_': 1,
    'reciprocal': 1,
    'pow': 1,
    'addcmul': 1,
    'native_batch_norm': 1,
    '_native_batch_norm_legit': 1,
    '_native_batch_norm_legit_no_training': 1,
    'cudnn_batch_norm': 1,
    'native_group_norm': 2,
    'native_layer_norm': 2,
    'linalg_vector_norm': 1,
    'mean': 1,
    'avg_pool2d': 1,
    '_adaptive_avg_pool2d': 1,
    'upsample_bilinear2d': 4,
    'upsample_bicubic2d': 16,
    'grid_sampler_2d': 4,
    '_softmax': 1,
    '_log_softmax': 1,
    'sigmoid': 1,
    'sigmoid_': 1,
    'tanh': 1,
    'exp': 1,
    'log': 1,
    'sqrt': 1,
    'rsqrt': 1,
    'gelu': 1,
    'silu': 1,
    'silu_': 1,
    'leaky_relu': 1,
    'leaky_relu_': 1,
    '_prelu_kernel': 1,
    'elu': 1,
    'hardswish': 1,
    'hardswish_': 1,
    'sin': 1,
    'cos': 1,
}
ELEMENTWISE = {getattr(aten, name): times for name, times in _MULTIPLIES.items()}
#: Of a matrix and a vector: as often as the matrix has elements.
VECTOR_PRODUCTS = frozenset((aten.mv, aten.addmv, aten.dot))
#: Sums of two tensors.
SUMS = frozenset((aten.add, aten.add_, aten.sub, aten.sub_, aten.rsub, aten.cat, aten.stack))


def contraction_macs(packet: Any, args: Sequence[Any], out: Tensor) -> int:
    """Multiply-accumulates of a contraction, borders counted as if they were inside.

    Args:
        packet: the operation.
        args: its arguments.
        out: its result.

    Returns:
        Half of what torch's own formula counts, for a multiply-accumulate is two FLOPs to it.
    """
    count: Callable[..., int] = flop_registry[packet]
    return count(*args, out_val=out) // 2


def factors(packet: Any, args: Sequence[Any]) -> tuple[Tensor, Tensor]:
    """The two tensors that a contraction multiplies (input and weight of a convolution)."""
    if packet in (aten.addmm, aten.baddbmm):
        return args[1], args[2]
    return args[0], args[1]


def synaptic_operations(
    packet: Any, args: Sequence[Any], out: Tensor, counts: Tensor, which: int
) -> float:
    """Additions that integers cause: each times the weights that it really meets.

    A spike at the border of a map meets fewer weights of a convolution than one inside.

    Args:
        packet: the contraction.
        args: its arguments.
        out: its result.
        counts: the integers, of the shape of the factor that they are.
        which: number of that factor.

    Returns:
        Sum over all integers of integer times fan-out.
    """
    x, y = factors(packet, args)
    if packet is aten.convolution:
        if which != 0:
            # A kernel made of spikes meets each place of the output, or of the input if transposed.
            places = x if args[6] else out
            uses = places.size(0) * prod(places.shape[2:])
            return counts.sum(dtype=torch.float64).item() * uses
        return _convolution_operations(args, counts)
    others = y.size(-1) if which == 0 else x.size(-2)
    return counts.sum(dtype=torch.float64).item() * others


def _convolution_operations(args: Sequence[Any], counts: Tensor) -> float:
    """As :func:`synaptic_operations`; the fan-out is a product of a row's and a column's."""
    weight, stride, padding, dilation, transposed, output_padding, groups = (args[1], *args[3:9])
    kernel = weight.shape[2:]
    # A transposed convolution's weight is [in, out / groups, ...], a plain one's [out, ...].
    fan_out = weight.size(1) if transposed else weight.size(0) // groups
    by_place = counts.flatten(0, 1).sum(0, dtype=torch.float64)  # [H, W]
    for axis, size in enumerate(kernel):
        how = (size, stride[axis], padding[axis], dilation[axis])
        if transposed:
            uses = _uses_transposed(by_place.size(0), *how, output_padding[axis])
        else:
            uses = _uses(by_place.size(0), *how)
        by_place = torch.tensordot(uses.to(by_place), by_place, dims=([0], [0]))
    return by_place.item() * fan_out


def _uses(length: int, kernel: int, stride: int, padding: int, dilation: int) -> Tensor:
    """How many places of a kernel's output read each element of an axis, ``[length]``."""
    uses = torch.zeros(length)
    outputs = (length + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1
    starts = torch.arange(outputs) * stride - padding
    for tap in range(kernel):
        places = starts + tap * dilation
        uses[places[(places >= 0) & (places < length)]] += 1
    return uses


def _uses_transposed(
    length: int, kernel: int, stride: int, padding: int, dilation: int, output_padding: int
) -> Tensor:
    """How many taps of a transposed kernel land inside the output from each element of an axis."""
    outputs = (length - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1
    places = torch.arange(length)[:, None] * stride - padding + torch.arange(kernel) * dilation
    return ((places >= 0) & (places < outputs)).sum(1).float()
