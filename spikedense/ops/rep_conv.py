"""Exact folding of batch norms and re-parameterised convolutions into one convolution."""

import torch
from torch import Tensor, nn


def _bn_affine(bn: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return ``(a, b)`` with ``bn(x) = a * x + b`` in eval mode, each ``[C]``."""
    if bn.running_mean is None or bn.running_var is None:
        raise ValueError('a batch norm without running statistics cannot be folded')
    a = 1 / torch.sqrt(bn.running_var + bn.eps)
    if bn.weight is not None:
        a = bn.weight * a
    b = -bn.running_mean * a
    return a, b if bn.bias is None else bn.bias + b


def fold_conv_bn(
    weight: Tensor, bias: Tensor | None, bn: nn.BatchNorm2d, out_axis: int = 0
) -> tuple[Tensor, Tensor]:
    """Fold an eval-mode batch norm into the convolution (or linear layer) before the norm.

    Args:
        weight: ``[out, in, ...]``, or with the output channels on another axis.
        bias: ``[out]`` or None.
        bn: The batch norm of ``out`` channels.
        out_axis: Axis of the output channels; 1 for a transposed convolution of one group.

    Returns:
        The folded weight and bias.
    """
    a, b = _bn_affine(bn)
    shape = [1] * weight.dim()
    shape[out_axis] = -1
    return weight * a.reshape(shape), b if bias is None else b + a * bias


def merge_rep_conv(
    expand: Tensor,
    border_bn: nn.BatchNorm2d,
    depthwise: Tensor,
    project: Tensor,
    project_bn: nn.BatchNorm2d,
    outer_bn: nn.BatchNorm2d | None = None,
) -> tuple[Tensor, Tensor]:
    r"""Merge a RepConv (1x1, BN with border, depth-wise 3x3, 1x1, BN) into one 3x3 convolution.

    .. math::
        K_{oiuv} = a^3_o a^2_o \sum_c W^2_{oc} W^d_{cuv} a^1_c W^1_{ci}, \quad
        b_o = a^3_o \Big(a^2_o \sum_c W^2_{oc} b^1_c \sum_{uv} W^d_{cuv} + b^2_o\Big) + b^3_o

    The merged convolution is exact in eval mode, also at the borders. The inner batch norm pads
    with its output for a zero input, and the merged convolution pads the spikes with zeros.

    Args:
        expand: ``W1``, ``[mid, in, 1, 1]``.
        border_bn: The batch norm in front of the padding.
        depthwise: ``Wd``, ``[mid, 1, 3, 3]``.
        project: ``W2``, ``[out, mid, 1, 1]``.
        project_bn: The batch norm after ``W2``.
        outer_bn: The batch norm after the RepConv, if any.

    Returns:
        Weight ``[out, in, 3, 3]`` and bias ``[out]``.
    """
    a1, b1 = _bn_affine(border_bn)
    w1 = expand[:, :, 0, 0] * a1[:, None]  # [mid, in]
    wd = depthwise[:, 0]  # [mid, 3, 3]
    w2 = project[:, :, 0, 0]  # [out, mid]
    weight = torch.einsum('oc,cuv,ci->oiuv', w2, wd, w1)
    bias = w2 @ (b1 * wd.sum((1, 2)))
    weight, bias = fold_conv_bn(weight, bias, project_bn)
    return (weight, bias) if outer_bn is None else fold_conv_bn(weight, bias, outer_bn)
