"""Exact changes of weighted layers. The fold methods of all layers use them."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from spikedense.ops import fold_conv_bn
from spikedense.utils.answers import Unfoldable, ask


def out_layer(branch: nn.Module) -> nn.Module:
    """Return the weighted layer whose output is the output of a branch.

    Args:
        branch: Any module.

    Returns:
        A convolution or linear layer. A factor on its weight and bias scales the branch's output.

    Raises:
        Unfoldable: The branch names no such layer.
    """
    method = ask(branch, 'out_layer')
    layer = None if method is None else method()
    if layer is None:
        raise Unfoldable('its branch does not end in a layer of the same channels')
    return layer


@torch.no_grad()
def scale_output(layer: Any, factor: Tensor | float) -> None:
    """Scale the output of a convolution or linear layer by scaling weight and bias.

    Args:
        layer: The layer, changed in place.
        factor: A number, or a number for each output channel, ``[out]``.
    """
    shape = [1] * layer.weight.dim()
    shape[_output_axis(layer)] = -1
    by_weight = factor.reshape(shape) if isinstance(factor, Tensor) else factor
    layer.weight.mul_(by_weight)
    if layer.bias is not None:
        layer.bias.mul_(factor)


@torch.no_grad()
def fold_norm(layer: Any, norm: nn.Module) -> None:
    """Fold a norm into the layer in front of the norm.

    Args:
        layer: The convolution or linear layer, changed in place.
        norm: The norm behind the layer, in eval mode.

    Raises:
        Unfoldable: The norm has no running statistics, so it depends on its input.
    """
    if not isinstance(norm, _BatchNorm) or norm.running_mean is None:
        raise Unfoldable(
            f'{type(norm).__name__} has no running statistics: it depends on its input'
        )
    weight, bias = fold_conv_bn(
        layer.weight, layer.bias, cast(nn.BatchNorm2d, norm), _output_axis(layer)
    )
    trained = layer.weight.requires_grad
    layer.weight = nn.Parameter(weight, trained)
    layer.bias = nn.Parameter(bias, trained)


def _output_axis(layer: nn.Module) -> int:
    return 1 if isinstance(layer, nn.ConvTranspose2d) else 0
