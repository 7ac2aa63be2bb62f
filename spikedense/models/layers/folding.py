"""Exact changes of weighted layers. The fold methods of all layers use them."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from spikedense.ops import fold_conv_bn
from spikedense.utils.answers import Unfoldable, ask, is_exactly

WEIGHTED = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


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

    Raises:
        Unfoldable: The layer is another one, or its weight is computed from other parameters.
    """
    check_weighted(layer)
    shape = [1] * layer.weight.dim()
    shape[_output_axis(layer)] = -1
    by_weight = factor.reshape(shape) if isinstance(factor, Tensor) else factor
    layer.weight.mul_(by_weight)
    if layer.bias is not None:
        layer.bias.mul_(factor)


@torch.no_grad()
def fold_norm(layer: Any, norm: Any) -> None:
    """Fold a norm into the layer in front of the norm.

    Args:
        layer: The convolution or linear layer, changed in place.
        norm: The norm behind the layer, in eval mode.

    Raises:
        Unfoldable: The norm depends on its input, or the layer is another one.
    """
    check_weighted(layer)
    if is_exactly(norm, _BatchNorm, nn.SyncBatchNorm) and norm.training:
        raise Unfoldable(f'{type(norm).__name__} is in training mode: it depends on its input')
    if not is_exactly(norm, _BatchNorm, nn.SyncBatchNorm) or norm.running_mean is None:
        raise Unfoldable(
            f'{type(norm).__name__} has no running statistics: it depends on its input'
        )
    weight, bias = fold_conv_bn(
        layer.weight, layer.bias, cast(nn.BatchNorm2d, norm), _output_axis(layer)
    )
    trained = layer.weight.requires_grad
    layer.weight = nn.Parameter(weight, trained)
    layer.bias = nn.Parameter(bias, trained)


def check_weighted(layer: nn.Module) -> None:
    """Check that a layer is one whose weight can be changed.

    Args:
        layer: Any module.

    Raises:
        Unfoldable: It is no convolution or linear layer of torch, or a subclass that computes
            something else, or its weight is computed from other parameters (weight norm).
    """
    if not is_exactly(layer, *WEIGHTED):
        names = ', '.join(cls.__name__ for cls in WEIGHTED)
        raise Unfoldable(f'{type(layer).__name__} is none of {names}')
    if layer._parameters.get('weight') is None:
        raise Unfoldable(f'the weight of {type(layer).__name__} is computed from other parameters')


def _output_axis(layer: nn.Module) -> int:
    return 1 if isinstance(layer, nn.ConvTranspose2d) else 0
