"""Energy from operation counts: who counts what, at what price. Every number is theoretical."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from spikedense.tracing import Operation, Operations, Real, Spikes

MODES = ('paper', 'strict')
ATTENTION = ('single', 'product')
MEGA, GIGA = 1e6, 1e9


@dataclass(frozen=True)
class Prices:
    """Energy of one operation, in pJ.

    Args:
        name: of the number format.
        mac: of a multiply-accumulate.
        ac: of an accumulate (an addition).
        weight_bytes: bytes of a weight, and of a membrane or another real value.
    """

    name: str
    mac: float
    ac: float
    weight_bytes: int


#: 45 nm CMOS (Horowitz, ISSCC 2014): fp32 add 0.9, multiply 3.7; fp16 0.4, 1.1; int8 0.03, 0.2.
PRICES = {
    'fp32': Prices('fp32', 4.6, 0.9, 4),
    'fp16': Prices('fp16', 1.5, 0.4, 2),
    'int8': Prices('int8', 0.23, 0.03, 1),
}
#: pJ a byte of memory, where memory is counted at all: 3.12 pJ a bit (SpikingJelly's default).
MEMORY_PJ_PER_BYTE = 24.96


@dataclass(frozen=True)
class EnergySettings:
    """How operations are turned into additions and multiplications.

    Args:
        mode: ``'paper'``: all but the first convolution are additions; what was made of one
            neuron's spikes by layers alone counts with that neuron's rate. What reads membranes (a
            float head) is a MAC, and what is not a layer or a product costs nothing.
            ``'strict'``: an operation is an addition only if a neuron's output really enters it;
            interpolation, sampling and scales are multiplications.
        attention: ``'single'``: a product of two integers costs one of them (their mean);
            ``'product'``: n times m additions, what a faithful expansion into spikes costs.
        stem_times_T: in mode paper, whether the first convolution, which this package runs once an
            image, is counted T times, as the published numbers seem to be.
        merged: whether RepConvs are merged into one convolution before they are counted.
        separable: whether the separable convolutions of SDT-V2 are merged as well.
        order: ``'linear'`` or ``'quadratic'``, the order of the attention products; None leaves
            the order of the model.
    """

    mode: str = 'paper'
    attention: str = 'single'
    stem_times_T: bool = True
    merged: bool = True
    separable: bool = False
    order: str | None = None

    def __post_init__(self) -> None:
        for key, known in (('mode', MODES), ('attention', ATTENTION)):
            if getattr(self, key) not in known:
                raise ValueError(f'{key}={getattr(self, key)!r}, expected one of {known}')


@dataclass(frozen=True)
class LayerEnergy:
    """One layer, product or other operation, an image.

    Args:
        name: of the module.
        operation: what it does, as torch calls it.
        part: of the model that it belongs to.
        counted_as: ``'MAC'``, ``'AC'`` or ``'free'``, under the settings.
        neuron: whose spikes enter, or the nearest one above; None for pixels.
        D: largest integer of that neuron.
        mean: its mean integer, over what really enters.
        rate: mean / D.
        zeros: share of zeros of that neuron.
        dense_macs: multiply-accumulates if nothing were sparse.
        macs: those that are counted as such.
        acs: additions that are counted.
        sops: additions that spikes really cause, borders and pairs included.
        nonzero_macs: multiply-accumulates with an input that is not zero.
        parameters: of the module.
        weight_elements, output_elements: read and written.
        real_elements, spike_elements: of the input that are real values and spikes.
    """

    name: str
    operation: str
    part: str
    counted_as: str
    neuron: str | None
    D: int | None
    mean: float | None
    rate: float | None
    zeros: float | None
    dense_macs: float
    macs: float
    acs: float
    sops: float
    nonzero_macs: float
    parameters: int
    weight_elements: float
    real_elements: float
    spike_elements: float
    output_elements: float

    def energy_mj(self, prices: Prices) -> float:
        """Energy an image in mJ."""
        return energy_mj(self.macs, self.acs, prices)


def energy_mj(macs: float, acs: float, prices: Prices = PRICES['fp32']) -> float:
    """Energy in mJ of multiply-accumulates and accumulates: 71e9 MACs in fp32 are 326.6 mJ."""
    return (macs * prices.mac + acs * prices.ac) * 1e-9


def part_of(name: str) -> str:
    """The part of a model that a module belongs to: its backbone, neck, or the part of a head."""
    pieces = name.split('.')
    inside = ('decode_head', 'panoptic_head', 'roi_head')
    return '.'.join(pieces[:2]) if pieces[0] in inside and len(pieces) > 1 else pieces[0] or 'model'


def layer_energies(
    operations: Operations,
    settings: EnergySettings,
    steps: int = 1,
    parameters: dict[str, int] | None = None,
) -> list[LayerEnergy]:
    """Prices what a trace found.

    Args:
        operations: the operations, of one or more images.
        settings: what counts as what.
        steps: time steps T, for ``stem_times_T``.
        parameters: module -> number of its own parameters.

    Returns:
        What was found, an image, in the order of the model.
    """
    rows = []
    for op in operations:
        if op.inside_neuron or not (op.real or op.spikes):
            continue
        row = _layer(op, settings, steps, operations.images)
        own = (parameters or {}).get(op.module, 0) if op.contraction else 0
        rows.append(replace(row, parameters=own))
    return rows


def _layer(op: Operation, settings: EnergySettings, steps: int, images: int) -> LayerEnergy:
    macs, acs, counted_as = 0.0, 0.0, 'free'
    pairs = len(op.spikes) == 2 and settings.attention == 'product'
    strict = settings.mode == 'strict'
    if op.name in _NORMS:
        pass  # folded in deployment
    elif op.spikes and (op.contraction or _weighs_samples(op) or strict):
        counted_as = 'AC'
        one_factor = op.synaptic if strict and len(op.spikes) == 1 else op.single
        acs = op.product if pairs else one_factor
    elif op.on_pixels and op.contraction:
        counted_as = 'MAC'
        missing = max(1, steps / op.repeats)
        macs = op.macs * (missing if settings.stem_times_T and not strict else 1)
    elif not op.spikes and (strict or (op.contraction and any(x.summed for x in op.real))):
        counted_as = 'MAC'
        macs = op.macs
    elif not op.spikes and op.contraction:
        counted_as = 'AC'
        acs = op.upstream
    source = _source(op)
    counted = op.single if op.spikes else op.upstream
    mean = counted / op.macs if source is not None and op.macs else None
    return LayerEnergy(
        name=op.module,
        operation=op.name,
        part=part_of(op.module),
        counted_as=counted_as,
        neuron=None if source is None else source.neuron,
        D=None if source is None else source.D,
        mean=mean,
        rate=None if source is None or mean is None else mean / source.D,
        zeros=1 - op.nonzero / op.macs if op.spikes and op.macs and op.contraction else None,
        dense_macs=op.macs / images,
        macs=macs / images,
        acs=acs / images,
        sops=(op.product if op.spikes else 0.0) / images,
        nonzero_macs=(op.nonzero if op.spikes else op.macs) / images,
        parameters=0,
        weight_elements=op.weights,
        real_elements=(op.inputs - op.spike_inputs) / images,
        spike_elements=op.spike_inputs / images,
        output_elements=op.outputs / images,
    )


#: Batch norms: free, for they are folded where they can be.
_NORMS = (
    'native_batch_norm',
    '_native_batch_norm_legit_no_training',
    'cudnn_batch_norm',
)


def _weighs_samples(op: Operation) -> bool:
    """Whether it is the weighted sum of deformable sampling, spikes times real samples."""
    return op.name == 'mul' and bool(op.real) and bool(op.spikes)


def _source(op: Operation) -> Spikes | None:
    if op.spikes:
        return op.spikes[-1]
    return next((x.upstream for x in op.operands if isinstance(x, Real) and x.upstream), None)


@dataclass(frozen=True)
class Totals:
    """Sums over a model, an image."""

    dense_macs: float
    macs: float
    acs: float
    sops: float
    nonzero_macs: float
    parameters: int

    def energy_mj(self, prices: Prices) -> float:
        """Energy an image in mJ."""
        return energy_mj(self.macs, self.acs, prices)


def totals(layers: Sequence[LayerEnergy]) -> Totals:
    """Adds up layers; a module that did several operations counts its parameters once."""
    own = {layer.name: layer.parameters for layer in layers}
    counted = [layer for layer in layers if layer.counted_as != 'free']
    return Totals(
        dense_macs=sum(layer.dense_macs for layer in counted),
        macs=sum(layer.macs for layer in counted),
        acs=sum(layer.acs for layer in counted),
        sops=sum(layer.sops for layer in counted),
        nonzero_macs=sum(layer.nonzero_macs for layer in counted),
        parameters=sum(own.values()),
    )


def memory_bytes(layer: LayerEnergy, prices: Prices) -> float:
    """Traffic of a layer in bytes if each tensor is read or written once, and nothing is cached.

    Spikes are one bit for each binary step; weights, membranes and other real values have the
    size of the number format. What is free has none: it is done on the way.
    """
    if layer.counted_as == 'free':
        return 0.0
    stored = layer.weight_elements + layer.output_elements + layer.real_elements
    return stored * prices.weight_bytes + layer.spike_elements * (layer.D or 1) / 8


def twins(
    layers: Sequence[LayerEnergy], one_pass: Totals, steps: int, D: int
) -> list[dict[str, Any]]:
    """The model beside the networks that it would have to be compared with.

    Args:
        layers: of the spiking model, priced.
        one_pass: dense counts of the same graph run for one step.
        steps: T.
        D: largest integer of its neurons.

    Returns:
        Rows: name, what it multiplies and adds, energy in mJ by number format (None where a
        format makes no sense for it).
    """
    snn = totals(layers)
    skipped = snn.nonzero_macs if steps == 1 else None
    levels = steps * D + 1
    rows: list[dict[str, Any]] = [
        _row('this model, spikes', snn.macs, snn.acs, ('fp32', 'fp16', 'int8')),
        _row(f'quantised ANN, {levels} levels', one_pass.dense_macs, 0, ('int8',)),
    ]
    if skipped is not None:
        name = f'quantised ANN, {levels} levels, zeros skipped'
        rows.append(_row(name, skipped, 0, ('int8',)))
    rows.append(_row('float ANN', one_pass.dense_macs, 0, ('fp32', 'fp16')))
    return rows


def _row(name: str, macs: float, acs: float, formats: Sequence[str]) -> dict[str, Any]:
    energies = {
        key: energy_mj(macs, acs, PRICES[key]) if key in formats else None for key in PRICES
    }
    return dict(name=name, macs=macs, acs=acs, energy_mj=energies)


def layer_to_dict(layer: LayerEnergy) -> dict[str, Any]:
    """A layer as plain values, with its energy and its memory traffic by number format."""
    return {
        **asdict(layer),
        'energy_mj': {key: layer.energy_mj(prices) for key, prices in PRICES.items()},
        'memory_bytes': {key: memory_bytes(layer, prices) for key, prices in PRICES.items()},
    }
