"""The energy report of a model: counts, prices, comparisons and assumptions."""

import copy
import itertools
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from spikedense.deploy import fold
from spikedense.models.layers.attention import ORDERS
from spikedense.neurons import BaseNeuron
from spikedense.tracing import OperationTrace, network_outputs
from spikedense.tracing.trace import opaque_modules
from spikedense.utils.answers import ask_or_none
from spikedense.utils.wording import some_of

from .attention_memory import AttentionMaps, assumptions_of
from .energy import (
    MEMORY_PJ_PER_BYTE,
    PRICES,
    EnergySettings,
    LayerEnergy,
    layer_energies,
    layer_to_dict,
    memory_bytes,
    totals,
    twins,
)


@torch.no_grad()
def count_operations(
    model: nn.Module, images: Iterable[Tensor], boxes: Tensor | None = None
) -> OperationTrace:
    """Trace a model over images.

    Args:
        model: The model, in eval mode.
        images: Batches of normalised images, ``[B, C, H, W]``. No batch is kept.
        boxes: See :func:`spikedense.tracing.network_outputs`.

    Returns:
        The trace over all batches.
    """
    trace = OperationTrace(model, opaque_modules())
    with trace:
        for batch in images:
            network_outputs(model, trace.feed(batch), boxes=boxes, trace=trace)
    return trace


def own_parameters(model: nn.Module) -> dict[str, int]:
    """Return the number of parameters of each module, without those of its sub-modules."""
    return {
        name: sum(p.numel() for p in module.parameters(recurse=False))
        for name, module in model.named_modules()
    }


class _AttentionSizes:
    """Count the MACs of attention products in both orders, while a model runs."""

    def __init__(self, products: Sequence[nn.Module]) -> None:
        self.macs = dict.fromkeys(ORDERS, 0.0)
        self._hooks = [
            module.register_forward_pre_hook(self._count, with_kwargs=True) for module in products
        ]

    def _count(self, module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
        for order, macs in module.macs_by_order(*args, **kwargs).items():
            self.macs[order] += macs

    def remove(self) -> None:
        """Remove the hooks."""
        for hook in self._hooks:
            hook.remove()


def energy_report(
    model: nn.Module,
    images: Iterable[Tensor],
    settings: EnergySettings | None = None,
    source: str = 'random numbers',
) -> dict[str, Any]:
    """Count the operations of a model over images, and price them in several ways.

    Args:
        model: The model. It is copied, and the norms of the copy are folded.
        images: Batches of normalised images of one size, ``[B, C, H, W]``. One batch is kept at a
            time.
        settings: The way of counting. The totals under other settings are reported as well.
        source: Where the images come from, for the report.

    Returns:
        Plain values for JSON.

    Raises:
        ValueError: There are no images.
    """
    settings = settings or EnergySettings()
    batches = iter(images)
    first = next(batches, None)
    if first is None:
        raise ValueError('energy report: there are no images, expected at least one')
    net = copy.deepcopy(model).eval()
    parameters = sum(p.numel() for p in net.parameters())
    fold(net, separable=settings.separable, scales=False, rep_convs=settings.merged)
    products: list[Any] = [m for m in net.modules() if ask_or_none(m, 'macs_by_order')]
    for product in products if settings.order else ():
        product.order = settings.order
    for module in net.modules():
        stream_tokens = ask_or_none(module, 'stream_tokens')
        if stream_tokens is not None:
            stream_tokens()
    sizes = _AttentionSizes(products)
    maps = AttentionMaps(net)
    trace = count_operations(net, itertools.chain([first], batches))
    sizes.remove()
    maps.remove()
    neurons = {n: m for n, m in net.named_modules() if isinstance(m, BaseNeuron)}
    steps = trace.steps
    levels = max((m.D for m in neurons.values()), default=1)
    own = own_parameters(net)
    layers = layer_energies(trace.operations, settings, steps, own)
    once = layers
    if steps > 1 and _repeats_images(net):
        once = layer_energies(_one_step(net, first), settings, 1, own)
    comparable = bool(neurons) and (steps == 1 or _repeats_images(net))
    number = trace.images
    memory = maps.report()
    said = assumptions(settings, steps, source, number)
    return dict(
        model=type(model).__name__,
        parameters=parameters,
        T=steps,
        D=levels,
        spiking=bool(neurons),
        image_size=list(first.shape[-2:]),
        images=number,
        source=source,
        settings={**asdict(settings), 'order': _orders(products)},
        totals=_totals(layers),
        by_part=_by_part(layers),
        by_settings=_by_settings(trace, steps, own),
        twins=twins(layers, totals(once), steps, levels) if comparable else [],
        attention_macs={order: macs / number for order, macs in sizes.macs.items()},
        layers=[layer_to_dict(layer) for layer in layers],
        attention_memory=memory,
        assumptions=[*said, *_leaking(net), *_mixed(net), *assumptions_of(memory), *_unseen(trace)],
        machine=f'torch {torch.__version__}, Python {platform.python_version()}',
    )


def _repeats_images(net: Any) -> bool:
    """Tell whether the number of time steps of the model can be changed."""
    return hasattr(getattr(net, 'backbone', net), 'T')


def _leaking(net: nn.Module) -> list[str]:
    """Name the modules that are no neurons, and whose leak is free like that of a neuron."""
    names = [
        f"'{name}'"
        for name, module in net.named_modules()
        if getattr(module, 'neural_dynamics', False)
    ]
    if not names:
        return []
    return [
        f'The leak and the read-out in {some_of(names)} multiply real numbers. They count as '
        'neuron updates, so they are free; there can be as many of them as additions in a product '
        'of attention.'
    ]


def _mixed(net: nn.Module) -> list[str]:
    """Name the modules in the place of a neuron whose output is real values."""
    names = [f"'{name}'" for name, m in net.named_modules() if getattr(m, 'emits_reals', False)]
    if not names:
        return []
    return [
        f'{some_of(names)} mix spikes to real values. Each layer that reads such values counts as '
        'MACs.'
    ]


def _unseen(trace: OperationTrace) -> list[str]:
    """Name the modules whose operations the trace could not count."""
    if not trace.lost:
        return []
    names = ', '.join(f"'{name}'" for name in sorted(trace.lost))
    return [
        'Compiled operations, and operations that fill tensors in place, are not counted in '
        f'{names}.'
    ]


def _one_step(net: nn.Module, images: Tensor) -> Any:
    """Trace the same model, run for one time step."""
    backbone: Any = getattr(net, 'backbone', net)
    if getattr(backbone, 'clips', False):
        images = backbone.as_steps(images)
    before, backbone.T = backbone.T, 1
    try:
        step = images[:1] if images.dim() == 5 else images  # of a clip the first step
        return count_operations(net, [step]).operations
    finally:
        backbone.T = before


def _orders(products: Sequence[Any]) -> str | None:
    return ', '.join(sorted({product.order for product in products})) or None


def _totals(layers: list[LayerEnergy]) -> dict[str, Any]:
    total = totals(layers)
    traffic = {k: sum(memory_bytes(x, p) for x in layers) for k, p in PRICES.items()}
    return dict(
        **asdict(total),
        energy_mj={key: total.energy_mj(prices) for key, prices in PRICES.items()},
        memory_bytes=traffic,
        memory_mj={key: value * MEMORY_PJ_PER_BYTE * 1e-9 for key, value in traffic.items()},
    )


def _by_part(layers: list[LayerEnergy]) -> dict[str, Any]:
    parts: dict[str, list[LayerEnergy]] = {}
    for layer in layers:
        parts.setdefault(layer.part, []).append(layer)
    return {name: _totals(rows) for name, rows in parts.items()}


def _by_settings(trace: OperationTrace, steps: int, own: dict[str, int]) -> list[dict[str, Any]]:
    """Return the totals under each way of counting."""
    rows = []
    for mode, attention, stem in (
        ('paper', 'single', True),
        ('paper', 'single', False),
        ('paper', 'product', True),
        ('strict', 'single', False),
        ('strict', 'product', False),
    ):
        way: dict[str, Any] = dict(mode=mode, attention=attention, stem_times_T=stem)
        settings = EnergySettings(**way)
        total = totals(layer_energies(trace.operations, settings, steps, own))
        energies = {key: total.energy_mj(prices) for key, prices in PRICES.items()}
        rows.append(dict(**way, macs=total.macs, acs=total.acs, energy_mj=energies))
    return rows


def assumptions(settings: EnergySettings, steps: int, source: str, images: int) -> list[str]:
    """Return what a reader has to know to repeat the numbers."""
    said = [
        'Theoretical: operation counts times constants of 45 nm CMOS '
        '(Horowitz, ISSCC 2014); nothing was measured on hardware.',
        'One MAC is one multiply-accumulate: fp32 4.6 pJ, fp16 1.5 pJ, int8 0.23 pJ; one AC is one '
        'addition: 0.9, 0.4 and 0.03 pJ.',
        'Norms are folded. Biases, neuron updates, residual sums and pooling are free. The energy '
        'does not include memory, which dominates on real chips. Memory traffic is given '
        f'separately: each tensor is read or written once, at {MEMORY_PJ_PER_BYTE} pJ a byte.',
        'The rate of a layer is the mean integer of its input divided by D, not the share of '
        'non-zero elements. An integer n is priced as n additions.',
        f'Firing was measured over {images} image(s): {source}, in eval mode.',
        'RepConvs are merged into one 3x3 convolution on spikes.'
        if settings.merged
        else 'RepConvs are not merged: their inner convolutions read real values.',
    ]
    if settings.mode == 'paper':
        said.append(
            'Mode paper: all layers and products except the first convolution are additions. If '
            'other layers made the input of a layer from the spikes of one neuron, that layer '
            'counts with the rate of the neuron. A layer that reads membrane potentials counts as '
            'MACs. Interpolation and deformable sampling are free. At borders, the whole kernel '
            'is counted.'
        )
        if steps > 1:
            times = f'{steps} times' if settings.stem_times_T else 'once'
            said.append(f'The first convolution runs once here, and is counted {times}.')
    else:
        said.append(
            'Mode strict: an operation is an addition only if it reads the output of a neuron; '
            'each spike counts once for each weight that is added for it. All other operations, '
            'such as interpolation, sampling and scales, are MACs. RoIAlign and box decoding are '
            'not counted.'
        )
    said.append(
        'A product of two integers is priced as the mean of both.'
        if settings.attention == 'single'
        else 'A product of integers n and m is priced as n times m additions.'
    )
    said.append(
        'The quantised ANN is the same graph, run once, with quantisers of T*D+1 levels as neurons '
        'and an int8 MAC for each weight and input, or only for inputs that are not zero. The '
        'float ANN is the same graph, run once with real values.'
    )
    return said
