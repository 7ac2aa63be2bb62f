"""Proof of the membrane-shortcut contract, by watching a forward pass."""

from contextlib import ExitStack
from fnmatch import fnmatch
from typing import Any

import torch
from mmengine.structures import InstanceData
from torch import Tensor, nn

from spikedense.models.layers import (
    DCL,
    PooledSpikeProduct,
    SpikeDrivenDeformableAttention,
    SpikeInhibition,
    SpikeLinear,
    SpikeMaxPool,
    SpikePad,
    SpikeProduct,
    SpikeSum,
)
from spikedense.neurons import BaseNeuron

#: First convolutions: of a stem of one layer, and of several layers.
STEMS = tuple(f'*stages.0.downsample.{name}conv' for name in ('', '0.', 'conv1.'))
#: Layers that take real values by specification, and why.
REAL_VALUED = {
    **dict.fromkeys(STEMS, 'the first convolution sees pixels'),
    '*stages.0.downsample.[12].conv': 'in the stems of MS-ResNet-104 and SpikeAtConv: no neuron',
    '*blocks.0.shortcut.conv': 'a membrane shortcut of a ResNet that changes the size: no neuron',
    '*token_mixer.project.conv': 'SepConv of V2: nothing stands after its depth-wise convolution',
    '*attn.*_*.conv.depthwise': 'inside an unmerged RepConv, one 3x3 convolution at inference',
    '*attn.*_*.conv.project': 'the same',
    '*attn.*_*.project': 'inside two stacked 1x1 convolutions, one of them at inference',
    '*branches.conv.project': 'the same',
    '*neurons.*.convs.*.conv': 'DCL is convolutions of the membrane, each with a neuron',
    '*.neuron.convs.*.conv': 'the same',
    '*stages.0.downsample.1.convs.*.conv': 'the same',
    '*bbox_head.fc_*': 'the published box head has no neuron there unless one is asked for',
    'head.fc': 'the published classifier of large SDT-V3 models reads the mean of a membrane',
}


def real_valued_inputs(model: nn.Module, *inputs: Tensor) -> list[str]:
    """Runs a model and lists the weighted layers that are not fed by spikes.

    A layer is fed by spikes when its input is memory that a neuron has written, untouched since,
    and when this, times the neuron's scale, is made of integers in ``0..D``. The product of two
    tensors of spikes is spikes, too; its scale and its D are those of both multiplied. So is
    the sum of spikes of one scale, with D of both added, what a max pooling picks of spikes, padded
    spikes, the parts of channels that DCL joins, and what binary spikes leave of other spikes by an
    inhibition.

    Args:
        model: the model.
        *inputs: its inputs.

    Returns:
        Names of the convolutions and linear layers whose input is anything else.
    """
    written: dict[int, tuple[tuple[int, float], Tensor]] = {}
    found = []

    def grid_of(x: Tensor) -> tuple[int, float] | None:
        return written.get(x.untyped_storage().data_ptr(), (None, None))[0]

    def after_neuron(neuron: BaseNeuron, _: tuple, out: Tensor) -> None:
        # The tensor is kept, so that its memory is not given to another one.
        written[out.untyped_storage().data_ptr()] = ((neuron.D, neuron.scale), out)

    def after_product(_: nn.Module, args: tuple, out: Tensor) -> None:
        grids = [grid_of(x) for x in args]
        if None not in grids:
            (D, scale), (n, factor) = grids
            written[out.untyped_storage().data_ptr()] = ((D * n, scale * factor), out)

    def after_sum(_: nn.Module, args: tuple, out: Tensor) -> None:
        grids = [grid_of(x) for x in args]
        if None not in grids and grids[0][1] == grids[1][1]:
            written[out.untyped_storage().data_ptr()] = (
                (grids[0][0] + grids[1][0], grids[0][1]),
                out,
            )

    def after_move(_: nn.Module, args: tuple, out: Tensor) -> None:
        grid = grid_of(args[0])
        if grid is not None:
            written[out.untyped_storage().data_ptr()] = (grid, out)

    def after_inhibition(_: nn.Module, args: tuple, out: Tensor) -> None:
        grids = [grid_of(x) for x in args]
        if None not in grids and grids[1] == (1, 1):
            written[out.untyped_storage().data_ptr()] = (grids[0], out)

    def after_parts(module: nn.Module, _: tuple, out: Tensor) -> None:
        grids = {(neuron.D, neuron.scale) for neuron in module.neurons}
        if len(grids) == 1:
            written[out.untyped_storage().data_ptr()] = (*grids, out)

    after: dict[type, Any] = {DCL: after_parts, SpikeProduct: after_product, SpikeSum: after_sum}
    after |= {SpikeMaxPool: after_move, SpikePad: after_move, SpikeInhibition: after_inhibition}
    after[PooledSpikeProduct] = after_product

    def watch(name: str):
        def before_layer(_: nn.Module, args: tuple) -> None:
            grid = grid_of(args[0])
            if grid is None or not _is_spiked(args[0], *grid):
                found.append(name)

        return before_layer

    with ExitStack() as stack:
        for name, module in model.named_modules():
            if isinstance(module, BaseNeuron):
                stack.callback(module.register_forward_hook(after_neuron).remove)
            elif type(module) in after:
                stack.callback(module.register_forward_hook(after[type(module)]).remove)
            elif isinstance(module, nn.Conv1d | nn.Conv2d | nn.Linear | nn.ConvTranspose2d):
                stack.callback(module.register_forward_pre_hook(watch(name)).remove)
        raw_outputs(model, *inputs)
    return found


def raw_outputs(model: nn.Module, *inputs: Tensor) -> Any:
    """Runs a model as far as its logits.

    A two-stage detector's second stage is run on two boxes an image, whatever the first proposes.

    Args:
        model: the model.
        *inputs: its inputs; images ``[B, 3, H, W]`` for a detector.

    Returns:
        What the model answers; of a two-stage detector, that of all heads, the images first.
    """
    if not hasattr(model, 'roi_head'):
        return model(*inputs)
    (images,) = inputs
    features = model.extract_feat(images)
    boxes = images.new_tensor([[8, 8, 40, 30], [10, 4, 90, 60]])
    proposals = [InstanceData(bboxes=boxes) for _ in images]
    second = [out.unflatten(0, (-1, len(boxes))) for out in model.roi_head(features, proposals)]
    return (*(level for outs in model.rpn_head(features) for level in outs), *second)


def wake(model: nn.Module, *inputs: Tensor) -> nn.Module:
    """Makes neurons fire at all depths: norms take the statistics of an input as running ones.

    Args:
        model: the model, changed in place.
        *inputs: its inputs.

    Returns:
        The model, in eval mode.
    """
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        nn.init.uniform_(norm.weight, 1, 2)
        # High enough that a LIF, which fires at 2, does so on half of its input: the spikes of
        # query, key and value then add up to a threshold over even a few tokens.
        nn.init.uniform_(norm.bias, 1, 3)
        norm.momentum = 1.0
    # Where no norm follows, the bias alone carries a LIF over its threshold, which is at 2. Integer
    # neurons need less, and saturate where a pyramid adds up.
    binary = any(getattr(m, 'v_threshold', None) is not None for m in model.modules())
    low, high = (1, 3) if binary else (0.2, 1.2)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            # Broad enough that not all saturate.
            nn.init.uniform_(module.weight, -4 / module.in_features, 8 / module.in_features)
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is not None:
            nn.init.uniform_(module.bias, low, high)
        if isinstance(module, SpikeLinear) and module.linear.bias is not None:
            nn.init.uniform_(module.linear.bias, low, high)
    with torch.no_grad():
        raw_outputs(model.train(), *inputs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return model.eval()


def spiked_operands(sdda: SpikeDrivenDeformableAttention, x: Tensor) -> set[str]:
    """Runs an SDDA and tells which factors of its weighted sum are spikes.

    Args:
        sdda: the module; its neurons have to fire on the input.
        x: its input, ``[T, B, C, H, W]``.

    Returns:
        Those of ``'value'`` and ``'weight'`` that, times the neuron's scale, are integers in
        ``0..D``.
    """
    seen: dict[str, Tensor] = {}
    original = sdda.sample.function

    def sample(value: Tensor, offset: Tensor, weight: Tensor, kernel_size: int) -> Tensor:
        seen.update(value=value, weight=weight)
        return original(value, offset, weight, kernel_size)

    sdda.sample.function = sample
    try:
        with torch.no_grad():
            sdda(x)
    finally:
        sdda.sample.function = original
    assert all(factor.std() > 0 for factor in seen.values()), 'a constant would prove nothing'
    neuron = sdda.neuron
    return {name for name, x in seen.items() if _is_spiked(x, neuron.D, neuron.scale)}


def _is_spiked(x: Tensor, D: int, scale: float) -> bool:
    """Whether numbers, times a scale, are integers in ``0..D``."""
    counts = x * scale
    whole = torch.equal(counts, counts.round())
    return bool(whole and counts.min() >= 0 and counts.max() <= D)


def unexplained(names: list[str]) -> list[str]:
    """Those that no specification exempts."""
    return [n for n in names if not any(fnmatch(n, pattern) for pattern in REAL_VALUED)]
