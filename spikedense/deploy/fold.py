"""Folding: what is constant at inference goes into weights, biases and thresholds, exactly.

The modules know how they are folded; this file asks them (``as_conv``, ``fold_norm``,
``fold_layers``, ``fold_scales``, see docs/architecture.md) and keeps a list of the answers.
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
    """Fold a model in place; in eval mode it computes what it did before, but for rounding.

    - RepConv becomes one 3x3 convolution.
    - Batch norms go into the convolution or linear layer in front of them.
    - The depth-wise convolution of a separable one and the projection behind it, between which
      there is no neuron (SDT-V2), become one full convolution, which reads spikes.
    - Layer scales, and the weight of ME-Shortcut, go into the last layer of their branch.
    - The factor of an attention product goes into the thresholds of the neuron behind it, and a
      sigmoid in front of a neuron that rounds becomes a threshold at 0.

    Args:
        model: The model. It has to be in eval mode: norms are folded with running statistics.
        separable: Whether separable convolutions are merged: many more weights, fewer kinds of
            operation.
        scales: Whether layer scales and what stands below them in the list are folded as well.
        steps: Number of time steps T that the model runs with; a sigmoid is folded for one.
        rep_convs: Whether RepConvs are merged; if not, their inner norms stay as well.

    Returns:
        What was folded, and what could not be folded and why.

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
    """Replace what is one convolution by it."""
    for name, module in list(model.named_modules()):
        try:
            as_conv = ask(module, 'as_conv')
            if as_conv is not None:
                replace_module(model, name, as_conv())
                yield Folding('RepConv', name)
        except Unfoldable as refused:
            yield Folding('RepConv', name, str(refused))


def _fold(model: nn.Module, question: str, what: str, *args: Any) -> Iterator[Folding]:
    """Let the modules fold themselves; a refusal is listed."""
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
