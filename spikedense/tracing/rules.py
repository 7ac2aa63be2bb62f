"""Rules for the operations of torch: which move numbers, which multiply, and how often."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import torch
from torch import Tensor
from torch.utils.flop_counter import flop_registry

aten = torch.ops.aten

#: Operations that copy some numbers of their first tensor without a change: spikes stay spikes.
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
#: Operations that make a new tensor of another one's shape or kind, and do not read its numbers.
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
#: Operations that copy the numbers of a list of tensors.
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
#: Operations that multiply element by element, or by internal numbers -> multiplications for each
#: output element.
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
#: Products with a vector: one multiplication for each element of the larger operand.
VECTOR_PRODUCTS = frozenset((aten.mv, aten.addmv, aten.dot))
#: Products of two tensors, element by element.
PRODUCTS = frozenset((aten.mul, aten.mul_))
#: Sums of two tensors.
SUMS = frozenset((aten.add, aten.add_, aten.sub, aten.sub_, aten.rsub, aten.cat, aten.stack))


def contraction_macs(packet: Any, args: Sequence[Any], out: Tensor) -> int:
    """Count the multiply-accumulates of a contraction; zero padding counts as well.

    Args:
        packet: The operation.
        args: Arguments of the operation.
        out: Result of the operation.

    Returns:
        Half of the FLOPs of torch's own formula, which counts a multiply-accumulate as two FLOPs.
    """
    count: Callable[..., int] = flop_registry[packet]
    return count(*args, out_val=out) // 2


def factors(packet: Any, args: Sequence[Any]) -> tuple[Tensor, Tensor]:
    """Return the two tensors that a contraction multiplies: input and weight of a convolution."""
    if packet in (aten.addmm, aten.baddbmm):
        return args[1], args[2]
    return args[0], args[1]


def synaptic_operations(
    packet: Any, args: Sequence[Any], out: Tensor, counts: Tensor, which: int
) -> float:
    """Count the additions that integers cause: each integer times its fan-out.

    The fan-out of a spike is the number of weights that it is multiplied by. In a convolution, a
    spike at the border of a map has a smaller fan-out than a spike inside.

    Args:
        packet: The contraction.
        args: Arguments of the contraction.
        out: Result of the contraction.
        counts: The integers of the spiking factor, in the shape of that factor.
        which: Number of the spiking factor, 0 or 1.

    Returns:
        Sum of integer times fan-out over all integers.
    """
    x, y = factors(packet, args)
    if packet is aten.convolution:
        if which != 0:
            # A kernel of spikes is used at each place of the output, or of the input if transposed.
            places = x if args[6] else out
            uses = places.size(0) * prod(places.shape[2:])
            return counts.sum(dtype=torch.float64).item() * uses
        return _convolution_operations(args, counts)
    others = y.size(-1) if which == 0 else x.size(-2)
    return counts.sum(dtype=torch.float64).item() * others


def _convolution_operations(args: Sequence[Any], counts: Tensor) -> float:
    """Count as :func:`synaptic_operations`; the fan-out of a place is that of row times column."""
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
    """Count the output places that read each element of an axis, ``[length]``."""
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
    """Count, for each element of an axis, the taps of a transposed kernel inside the output."""
    outputs = (length - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1
    places = torch.arange(length)[:, None] * stride - padding + torch.arange(kernel) * dilation
    return ((places >= 0) & (places < outputs)).sum(1).float()
