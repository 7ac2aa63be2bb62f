"""Spike-driven inference: binary spikes over T x D steps in place of integers over T."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from spikedense.models.decode_heads.spike2former_base import MaskProduct, SpikeMaskClassifier
from spikedense.models.layers import AttentionProduct
from spikedense.models.layers.mask_embed import DirectSynapse, SpikeMaskEmbed
from spikedense.models.pixel_decoders import DeformSample, SpikeDrivenDeformableAttention
from spikedense.neurons import BaseNeuron
from spikedense.tracing import OperationTrace, Spikes, network_outputs, trace_network

from .accumulate import (
    AccumulatingLayer,
    AccumulatingSynapse,
    SpikeAttentionProduct,
    SpikeDeformSample,
    SpikeMaskProduct,
)
from .fold import Folding, fold, output_layer, replace, scale_output, weighted
from .neurons import SpikeTrain, as_thresholds, rescaled_input

LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
#: By how much outputs in float64 may differ.
_EXACT = 1e-6
PRODUCTS = (AttentionProduct, DeformSample, MaskProduct, DirectSynapse)


@torch.no_grad()
def to_spike_inference(
    model: nn.Module, images: Tensor | None = None, **how: Any
) -> tuple[nn.Module, list[Folding]]:
    r"""Makes the spike-driven twin of a model.

    An integer n of a neuron is sent as n binary spikes over D virtual steps, to which each layer
    that it feeds is applied one by one; the results are accumulated, the bias is added once, and
    the next neuron fires once a real step:

    .. math::
        W S + b = \sum_{d=1}^{D} (W / D) \, b_d + b

    Everything is folded first (see :func:`fold`), 1/D included. Of a product of two spiking
    factors one is sent spike by spike, and the other is held as an accumulated integer.

    Args:
        model: the model; it is copied, not changed.
        images: an example for the trace that tells which neuron feeds which layer; by default
            random ones of 64 x 96 pixels.
        **how: see :func:`spikedense.tracing.network_outputs`.

    Returns:
        The twin in eval mode, which is called as the model is, and what was folded.

    Raises:
        ValueError: the model has no spiking neuron, something else than a weighted layer or a known
            product reads a neuron's spikes, or the twin does not compute what the model does.
    """
    if not any(isinstance(m, BaseNeuron) for m in model.modules()):
        raise ValueError(
            f'{type(model).__name__} has no spiking neuron, expected a spiking model: an ANN has '
            'nothing to send as spikes'
        )
    like = next(model.parameters())
    if images is None:
        images = torch.rand(1, 3, 64, 96, dtype=like.dtype, device=like.device)
    if hasattr(model, 'roi_head') and 'boxes' not in how:
        # Proposals are no part of the proof: a tie among their scores would change them all.
        how = dict(how, boxes=images.new_tensor([[8, 8, 40, 30], [10, 4, 90, 60]]))
    # Proven in float64, where a different order of additions moves no potential over a threshold.
    exact = model if like.dtype == torch.float64 else copy.deepcopy(model).double()
    twin, foldings = _converted(exact, images.double(), how)
    _prove(exact, twin, images.double(), how)
    return (twin, foldings) if exact is model else _converted(model, images, how)


def _converted(
    model: nn.Module, images: Tensor, how: dict[str, Any]
) -> tuple[nn.Module, list[Folding]]:
    twin = copy.deepcopy(model).eval()
    foldings = fold(twin, steps=_steps(trace_network(twin, images, **how), twin))
    foldings += _absorb_scales(twin, trace_network(twin, images, **how))
    trace = trace_network(twin, images, **how)
    _check_readers(twin, trace)
    _send_spikes(twin, trace)
    return twin, foldings


def _prove(model: nn.Module, twin: nn.Module, images: Tensor, how: dict[str, Any]) -> None:
    """Runs both on the example; a structure that the conversion does not know shows here."""
    before = model.training
    try:
        expected = network_outputs(model.eval(), images, **how)
    finally:
        model.train(before)
    advice = (
        'the model uses spikes in a way that cannot be converted (a layer fed by several neurons '
        'or under two names, tied weights, spikes as an output, layers on an unfolded time axis)'
    )
    try:
        found = network_outputs(twin, images, **how)
    except (IndexError, RuntimeError) as error:
        raise ValueError(f'spike-driven inference: {advice}: {error}') from error
    for i, (x, y) in enumerate(zip(expected, found, strict=True)):
        if x.shape != y.shape:
            shapes = f'{tuple(y.shape)}, expected {tuple(x.shape)}'
            raise ValueError(f'spike-driven inference: output {i} has shape {shapes}: {advice}')
        gap = (x - y).abs().max().item() if x.numel() else 0.0
        if gap > _EXACT * max(1.0, x.abs().max().item() if x.numel() else 0.0):
            raise ValueError(
                f'spike-driven inference: output {i} differs by {gap:.3g}, expected none: {advice}'
            )


def _steps(trace: OperationTrace, model: nn.Module) -> int:
    """Largest number of time steps that a neuron sees."""
    return max(
        trace.shapes[name][0]
        for name, module in model.named_modules()
        if isinstance(module, BaseNeuron) and name in trace.shapes
    )


def _check_readers(model: nn.Module, trace: OperationTrace) -> None:
    for neuron, readers in trace.readers.items():
        for place, operation in readers:
            reader = model.get_submodule(place)
            direct = isinstance(reader, SpikeMaskEmbed) and reader.shortcut == 'identity'
            if not direct and not isinstance(reader, LAYERS + PRODUCTS):
                raise ValueError(
                    f"spike-driven inference: '{place}' ({type(reader).__name__}) reads the spikes "
                    f"of '{neuron}' by '{operation}', expected a convolution, a linear layer or a "
                    f'product of spikedense ({", ".join(cls.__name__ for cls in PRODUCTS)})'
                )


def _absorb_scales(model: nn.Module, trace: OperationTrace) -> list[Folding]:
    """Moves each neuron's 1/norm into what reads it, so that neurons emit plain integers."""
    scale_of: dict[str, float] = {}
    for name, neuron in model.named_modules():
        if isinstance(neuron, BaseNeuron) and neuron.scale != 1 and name in trace.readers:
            scale_of[name] = 1 / neuron.scale
    for name, values in trace.inputs.items():
        module = model.get_submodule(name)
        if not isinstance(module, LAYERS + PRODUCTS):
            continue
        for i, value in enumerate(values):
            if isinstance(value, Spikes) and value.neuron in scale_of:
                _absorb(model, name, module, i, scale_of[value.neuron])
    for name in scale_of:
        emitter: Any = model.get_submodule(name)
        emitter.norm = 1.0
    _thresholds(model)
    return [Folding('1/D', name) for name in scale_of]


def _absorb(model: nn.Module, name: str, module: nn.Module, which: int, factor: float) -> None:
    owner: Any = model.get_submodule(name.rpartition('.')[0])
    if isinstance(module, LAYERS):
        module.weight.mul_(factor)
    elif isinstance(module, AttentionProduct):
        layer = owner.out_proj
        neuron = rescaled_input(layer.neuron, factor) if module.scale == 1 else ''
        if isinstance(neuron, str):
            module.scale *= factor
        else:
            layer.neuron = neuron
    elif isinstance(module, DeformSample):
        assert isinstance(owner, SpikeDrivenDeformableAttention)
        # The sum is linear in both: the factor goes to the one that is real.
        other = owner.value_proj if which == 2 else owner.weight_conv
        layer = output_layer(other)
        assert layer is not None
        scale_output(weighted(layer), factor)
    elif isinstance(module, MaskProduct):
        assert isinstance(owner, SpikeMaskClassifier)
        scale_output(owner.pixel_decoder.mask_conv.conv, factor)
    elif isinstance(module, DirectSynapse):
        owner.weight.mul_(factor)


def _thresholds(model: nn.Module) -> None:
    for name, neuron in list(model.named_modules()):
        twin = as_thresholds(neuron)
        if twin is not None:
            replace(model, name, twin)


def _send_spikes(model: nn.Module, trace: OperationTrace) -> None:
    """Lets neurons emit trains, and what reads them accumulate."""
    for name, values in trace.inputs.items():
        module = model.get_submodule(name)
        levels = tuple(value.D if isinstance(value, Spikes) else 1 for value in values)
        if max(levels, default=1) == 1:
            continue
        if isinstance(module, LAYERS):
            replace(model, name, AccumulatingLayer(module, levels[0]))
        elif isinstance(module, AttentionProduct):
            replace(model, name, SpikeAttentionProduct(module, *levels[:3]))
        elif isinstance(module, DeformSample):
            replace(model, name, SpikeDeformSample(module, levels[0], levels[2]))
        elif isinstance(module, MaskProduct):
            replace(model, name, SpikeMaskProduct(module, levels[0]))
        elif isinstance(module, DirectSynapse):
            replace(model, name, AccumulatingSynapse(levels[0]))
    for name, neuron in list(model.named_modules()):
        if isinstance(neuron, BaseNeuron) and neuron.D > 1:
            replace(model, name, SpikeTrain(neuron).eval())
