"""Folds factors and norms that are constant at inference into weights, biases and thresholds.

Each module folds itself by the methods ``as_conv``, ``fold_norm``, ``fold_layers`` and
``fold_scales`` (see docs/add_a_model.md). This file calls the methods and lists the results.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from mmcv.cnn import ConvModule, fuse_conv_bn
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from spikedense.utils.answers import Folding, Unfoldable, ask, is_exactly

from .modules import replace_module


@torch.no_grad()
def fold(
    model: nn.Module,
    separable: bool = True,
    scales: bool = True,
    steps: int | None = None,
    rep_convs: bool = True,
) -> list[Folding]:
    """Fold a model in place. In eval mode, its outputs stay the same except for rounding errors.

    - A RepConv becomes one 3x3 convolution.
    - A batch norm is folded into the convolution or linear layer in front of the norm.
    - In a separable convolution without a neuron between depth-wise convolution and projection
      (SDT-V2), these two become one full convolution, which reads spikes.
    - Layer scales, and the weight of ME-Shortcut, are folded into the last layer of their branch.
    - The factor of an attention product is folded into the thresholds of the next neuron.
    - A sigmoid in front of a neuron that rounds becomes a threshold at 0.

    Args:
        model: The model, in eval mode, because norms are folded with their running statistics.
        separable: Whether separable convolutions are merged: this gives many more weights, but
            fewer kinds of operation.
        scales: Whether layer scales, weights of ME-Shortcut, attention factors and sigmoids are
            folded.
        steps: Number of time steps T that the model runs with. A sigmoid is folded for one step
            only, unless the neuron has ``stateful=False``; None leaves sigmoids as they are.
        rep_convs: Whether RepConvs are merged; if not, their inner norms also stay.

    Returns:
        A record of each part that was folded, or could not be folded, with the reason.

    Raises:
        ValueError: The model is in training mode.
    """
    if model.training:
        raise ValueError('fold: the model is in training mode, expected eval mode (model.eval())')
    done: list[Folding] = []
    if rep_convs:
        done += _ask_each(model, 'as_conv', 'RepConv')
    done += [*_ask_each(model, 'fold_norm', 'norm'), *_fuse_library_norms(model)]
    if separable:
        done += _ask_each(model, 'fold_layers', 'separable convolution')
    if scales:
        done += _ask_each(model, 'fold_scales', 'scale', steps)
    return done


def _shared_parts(model: nn.Module) -> set[nn.Module]:
    """Return the modules that a change would also change for another place of the model.

    Such a module has several names, or one of its parameters also belongs to another module.
    """
    named = list(model.named_modules(remove_duplicate=False))
    names = Counter(module for _, module in named)
    owners: dict[nn.Parameter, set[nn.Module]] = {}
    for _, module in named:
        for parameter in module.parameters(recurse=False):
            owners.setdefault(parameter, set()).add(module)
    several = {module for module, number in names.items() if number > 1}
    return several.union(*(found for found in owners.values() if len(found) > 1))


def _ask_each(model: nn.Module, question: str, what: str, *args: Any) -> Iterator[Folding]:
    """Call the method ``question`` of each module; list what was folded and what was refused."""
    shared = _shared_parts(model)
    for name, module in list(model.named_modules()):
        try:
            method = ask(module, question)
            if method is None:
                continue
            if shared and not shared.isdisjoint(module.modules()):
                raise Unfoldable('it shares layers or weights with another part of the model')
            done = method(*args)
        except Unfoldable as refused:
            done = [Folding(what, '', str(refused))]
        if isinstance(done, nn.Module):
            done = [_replaced(model, name, done)]
        for folding in done:
            where = '.'.join(part for part in (name, folding.where) if part)
            yield replace(folding, where=where)


def _replaced(model: nn.Module, name: str, conv: nn.Module) -> Folding:
    if not name:
        return Folding('RepConv', '', 'it is the whole model, which cannot be replaced in place')
    replace_module(model, name, conv)
    return Folding('RepConv', '')


def _fuse_library_norms(model: nn.Module) -> Iterator[Folding]:
    """Fold the norms of mmcv's own layers."""
    for name, module in list(model.named_modules()):
        if not isinstance(module, ConvModule) or getattr(module, 'norm', None) is None:
            continue
        if not is_exactly(module, ConvModule) or module.order[:2] != ('conv', 'norm'):
            yield Folding('norm', name, f'{type(module).__name__} has the order {module.order}')
        elif isinstance(module.norm, _BatchNorm):
            fuse_conv_bn(module)
            yield Folding('norm', name)
