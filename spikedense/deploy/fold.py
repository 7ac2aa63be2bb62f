"""Folds factors and norms that are constant at inference into weights, biases and thresholds.

Each module folds itself by the methods ``as_conv``, ``fold_norm``, ``fold_layers`` and
``fold_scales`` (see docs/architecture.md). This file calls the methods and lists the results.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from mmcv.cnn import ConvModule, fuse_conv_bn
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from spikedense.utils.answers import Folding, Unfoldable, ask

from .modules import replace_module


@torch.no_grad()
def fold(
    model: nn.Module,
    separable: bool = True,
    scales: bool = True,
    steps: int = 1,
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
        steps: Number of time steps T of the model; a sigmoid can be folded for one step only,
            unless the neuron has ``stateful=False``.
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
        done += _merge(model)
    done += [*_fold(model, 'fold_norm', 'norm'), *_fuse_library_norms(model)]
    if separable:
        done += _fold(model, 'fold_layers', 'separable convolution')
    if scales:
        done += _fold(model, 'fold_scales', 'scale', steps)
    return done


def _merge(model: nn.Module) -> Iterator[Folding]:
    """Replace each module that equals one convolution by this convolution."""
    for name, module in list(model.named_modules()):
        try:
            as_conv = ask(module, 'as_conv')
            if as_conv is not None:
                replace_module(model, name, as_conv())
                yield Folding('RepConv', name)
        except Unfoldable as refused:
            yield Folding('RepConv', name, str(refused))


def _fold(model: nn.Module, question: str, what: str, *args: Any) -> Iterator[Folding]:
    """Call the method ``question`` of each module; list what was folded and what was refused."""
    for name, module in list(model.named_modules()):
        try:
            method = ask(module, question)
            done = [] if method is None else method(*args)
        except Unfoldable as refused:
            done = [Folding(what, '', str(refused))]
        for folding in done:
            where = '.'.join(part for part in (name, folding.where) if part)
            yield replace(folding, where=where)


def _fuse_library_norms(model: nn.Module) -> Iterator[Folding]:
    """Fold the norms of mmcv's own layers."""
    for name, module in list(model.named_modules()):
        if isinstance(module, ConvModule) and isinstance(getattr(module, 'norm', None), _BatchNorm):
            fuse_conv_bn(module)
            yield Folding('norm', name)
