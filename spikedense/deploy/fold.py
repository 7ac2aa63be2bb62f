"""Folding: what is constant at inference goes into weights, biases and thresholds, exactly."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import torch
from mmcv.cnn import ConvModule, fuse_conv_bn
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from spikedense.models.layers import (
    AttentionProduct,
    ChannelConv,
    SpikeConv,
    SpikeLinear,
    SpikeMultiheadAttention,
    SpikeSelfAttention,
    SpikeSeparableConv,
)
from spikedense.models.layers.blocks import LayerScale, _ResidualBlock
from spikedense.models.layers.mask_embed import SpikeMaskEmbed
from spikedense.models.layers.rep_conv import SpikeRepConv
from spikedense.ops import fold_conv_bn

from .neurons import rescaled_input, sigmoid_as_threshold

Layer = SpikeConv | SpikeLinear


@dataclass(frozen=True)
class Folding:
    """One thing that was folded, or could not be.

    Args:
        what: ``'RepConv'``, ``'norm'``, ``'separable convolution'``, ``'layer scale'``,
            ``'shortcut weight'``, ``'sigmoid'``, ``'attention scale'`` or ``'1/D'``.
        where: name of the module.
        reason: why it could not be folded; None where it was.
    """

    what: str
    where: str
    reason: str | None = None


@torch.no_grad()
def fold(
    model: nn.Module,
    separable: bool = True,
    scales: bool = True,
    steps: int = 1,
    rep_convs: bool = True,
) -> list[Folding]:
    """Folds a model in place; in eval mode it computes what it did before, but for rounding.

    - RepConv becomes one 3x3 convolution.
    - Batch norms go into the convolution or linear layer in front of them.
    - The depth-wise convolution of a separable one and the projection behind it, between which
      there is no neuron (SDT-V2), become one full convolution, which reads spikes.
    - Layer scales, and the weight of ME-Shortcut, go into the last layer of their branch.
    - The factor of an attention product goes into the thresholds of the neuron behind it, and a
      sigmoid in front of a neuron that rounds becomes a threshold at 0.

    Args:
        model: the model. It has to be in eval mode: norms are folded with running statistics.
        separable: whether separable convolutions are merged: many more weights, fewer kinds of
            operation.
        scales: whether layer scales and what comes below in the list is folded as well.
        steps: number of time steps T that the model runs with; a sigmoid is folded for one.
        rep_convs: whether RepConvs are merged; if not, their inner norms stay as well.

    Returns:
        What was folded, and what could not be and why.

    Raises:
        ValueError: the model is in training mode.
    """
    if model.training:
        raise ValueError('fold: the model is in training mode, expected eval mode (model.eval())')
    done = [*(_rep_convs(model) if rep_convs else ()), *_norms(model)]
    if separable:
        done += _separable_convs(model)
    if scales:
        done += [*_layer_scales(model), *_mask_embeds(model, steps), *_attention_scales(model)]
    return done


def output_layer(branch: nn.Module) -> Layer | None:
    """The last weighted layer of a branch, whose output is the branch's; None if there is none."""
    if isinstance(branch, SpikeConv | SpikeLinear):
        return branch
    if isinstance(branch, SpikeSeparableConv):
        merged = isinstance(branch.project, nn.Identity)
        return cast(Layer, branch.depthwise if merged else branch.project)
    # Not its kin: the legacy ones mix channels and places behind their last layer.
    if isinstance(branch, ChannelConv) and type(branch).forward is ChannelConv.forward:
        return branch.narrow
    if isinstance(branch, SpikeSelfAttention | SpikeMultiheadAttention):
        return output_layer(branch.out_proj)
    projection = getattr(branch, 'out_proj', None)  # deformable attention
    return None if projection is None else output_layer(projection)


def weighted(layer: Layer) -> Any:
    """The convolution or linear layer inside."""
    return layer.linear if isinstance(layer, SpikeLinear) else layer.conv


def scale_output(layer: Any, factor: Tensor | float) -> None:
    """Multiplies what a convolution or linear layer gives: its weight and its bias.

    Args:
        layer: the layer.
        factor: a number, or one an output channel, ``[out]``.
    """
    shape = [1] * layer.weight.dim()
    shape[1 if isinstance(layer, nn.ConvTranspose2d) else 0] = -1
    by_weight = factor.reshape(shape) if isinstance(factor, Tensor) else factor
    layer.weight.mul_(by_weight)
    if layer.bias is not None:
        layer.bias.mul_(factor)


def _named(model: nn.Module, *classes: type) -> Iterator[tuple[str, Any]]:
    """Modules of some classes; a list, for what is found is replaced."""
    yield from [(n, m) for n, m in model.named_modules() if isinstance(m, classes)]


def replace(model: nn.Module, name: str, new: nn.Module) -> None:
    """Puts another module in the place of one.

    Args:
        model: the model.
        name: of the module.
        new: the other one.
    """
    parent, _, child = name.rpartition('.')
    setattr(model.get_submodule(parent), child, new)


def _rep_convs(model: nn.Module) -> Iterator[Folding]:
    for name, rep in _named(model, SpikeRepConv):
        weight, bias = rep.merged()
        layer = SpikeConv(weight.size(1), weight.size(0), 3, bias=True)
        layer.to(weight)
        layer.neuron = rep.neuron
        layer.conv.weight.copy_(weight)
        cast(Tensor, layer.conv.bias).copy_(bias)
        replace(model, name, layer.eval())
        yield Folding('RepConv', name)


def _norms(model: nn.Module) -> Iterator[Folding]:
    for name, layer in _named(model, SpikeConv, SpikeLinear):
        norm = layer.norm
        if norm is None:
            continue
        if not isinstance(norm, _BatchNorm) or norm.running_mean is None:
            what = type(norm).__name__
            yield Folding(
                'norm', name, f'{what} has no running statistics: it depends on its input'
            )
            continue
        inner = weighted(layer)
        transposed = isinstance(inner, nn.ConvTranspose2d)
        weight, bias = fold_conv_bn(
            inner.weight, inner.bias, cast(nn.BatchNorm2d, norm), int(transposed)
        )
        inner.weight = nn.Parameter(weight, inner.weight.requires_grad)
        inner.bias = nn.Parameter(bias, inner.weight.requires_grad)
        layer.norm = None
        yield Folding('norm', name)
    for name, module in _named(model, ConvModule):
        if isinstance(getattr(module, 'norm', None), _BatchNorm):
            fuse_conv_bn(module)
            yield Folding('norm', name)


def _separable_convs(model: nn.Module) -> Iterator[Folding]:
    for name, module in _named(model, SpikeSeparableConv):
        depthwise, project = module.depthwise, module.project
        if isinstance(project, nn.Identity) or project.neuron is not None:
            continue
        if (
            depthwise.norm is not None
            or project.norm is not None
            or depthwise.conv.bias is not None
        ):
            yield Folding('separable convolution', name, 'its norm could not be folded')
            continue
        inner, outer = depthwise.conv, project.conv
        layer = SpikeConv(
            inner.in_channels,
            outer.out_channels,
            inner.kernel_size[0],
            padding=inner.padding[0],
            bias=outer.bias is not None,
        ).to(inner.weight)
        layer.neuron = depthwise.neuron
        layer.conv.weight.copy_(outer.weight * inner.weight.transpose(0, 1))
        if outer.bias is not None:
            cast(Tensor, layer.conv.bias).copy_(outer.bias)
        module.depthwise, module.project = layer.eval(), nn.Identity()
        yield Folding('separable convolution', name)


def _layer_scales(model: nn.Module) -> Iterator[Folding]:
    for name, block in _named(model, _ResidualBlock):
        for branch_name in list(block.scales):
            where = f'{name}.scales.{branch_name}'
            layer = output_layer(block.branches[branch_name])
            if layer is None:
                yield Folding(
                    'layer scale', where, 'its branch does not end in a layer of the same channels'
                )
                continue
            scale = cast(LayerScale, block.scales.pop(branch_name))
            scale_output(weighted(layer), scale.weight)
            yield Folding('layer scale', where)


def _mask_embeds(model: nn.Module, steps: int) -> Iterator[Folding]:
    for name, embed in _named(model, SpikeMaskEmbed):
        if embed.weight is not None and embed.shortcut_conv is not None:
            scale_output(embed.shortcut_conv.conv, embed.weight.detach())
            embed.weight = None
            yield Folding('shortcut weight', name)
        elif embed.weight is not None and embed.shortcut == 'membrane':
            yield Folding('shortcut weight', name, 'it multiplies membranes, no layer stands there')
        if embed.pre_act != 'sigmoid':
            continue
        neurons = [(embed, 'in_neuron')]
        if embed.shortcut_conv is not None:
            neurons.append((embed.shortcut_conv, 'neuron'))
        turned = [sigmoid_as_threshold(getattr(owner, key), steps) for owner, key in neurons]
        reason = next((neuron for neuron in turned if isinstance(neuron, str)), None)
        if reason is None:
            for (owner, key), neuron in zip(neurons, turned, strict=True):
                setattr(owner, key, neuron)
            embed.pre_act = None
        yield Folding('sigmoid', name, reason)


def _attention_scales(model: nn.Module) -> Iterator[Folding]:
    for name, attention in _named(model, SpikeSelfAttention, SpikeMultiheadAttention):
        product: AttentionProduct = attention.product
        layer = attention.out_proj
        neuron = rescaled_input(layer.neuron, product.scale)
        if isinstance(neuron, str):
            yield Folding('attention scale', name, neuron)
            continue
        layer.neuron = neuron
        product.scale = 1.0
        yield Folding('attention scale', name)
