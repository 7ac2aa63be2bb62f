"""Energy from operation counts: ways of counting, prices. All numbers are theoretical."""

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
        name: Name of the number format.
        mac: Energy of a multiply-accumulate.
        ac: Energy of an accumulate (an addition).
        weight_bytes: Bytes of a weight, and of a membrane potential or another real value.
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
#: pJ a byte of memory traffic: 3.12 pJ a bit (the default of SpikingJelly).
MEMORY_PJ_PER_BYTE = 24.96


@dataclass(frozen=True)
class EnergySettings:
    """The way in which the operations of a model are counted.

    Args:
        mode: In mode ``'paper'``, all layers and products except the first convolution are
            additions. If other layers made the input of a layer from the spikes of one neuron, that
            layer counts with the rate of the neuron. A layer that reads membrane potentials (a
            float head) counts as MACs. Anything else is free. In mode ``'strict'``, an operation is
            an addition only if it reads the output of a neuron; interpolation, sampling and scales
            are multiplications.
        attention: With ``'single'``, a product of two integers costs as many additions as the mean
            of both. With ``'product'``, it costs n times m additions, as after an exact
            expansion into spikes.
        stem_times_T: Whether mode paper counts the first convolution T times, as the published
            numbers seem to do. This package runs it once for each image.
        merged: Whether RepConvs are merged into one convolution before they are counted.
        separable: Whether the separable convolutions of SDT-V2 are merged as well.
        order: ``'linear'`` or ``'quadratic'``, the order of the attention products; None keeps the
            order of the model.

    Raises:
        ValueError: The mode or the attention has an unknown name.
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
    """The counts of one layer, product or other operation for one image.

    Args:
        name: Name of the module.
        operation: Name of the operation in torch.
        part: Part of the model that the module belongs to.
        counted_as: ``'MAC'``, ``'AC'`` or ``'free'``, by the settings.
        neuron: The neuron that made the input, or the nearest neuron before it; None for pixels.
        D: Largest integer of that neuron.
        mean: Mean integer of the input.
        rate: ``mean / D``.
        zeros: Share of the multiply-accumulates with a zero from that neuron.
        dense_macs: Multiply-accumulates if zeros are not skipped.
        macs: Multiply-accumulates that are counted as such.
        acs: Additions that are counted.
        sops: Additions that spikes cause, with borders and pairs counted exactly.
        nonzero_macs: Multiply-accumulates with an input that is not zero.
        parameters: Number of parameters of the module.
        weight_elements: Number of weights that are read.
        real_elements: Number of real values in the input.
        spike_elements: Number of spikes or integers in the input.
        output_elements: Number of values that are written.
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
        """Return the energy of an image in mJ."""
        return energy_mj(self.macs, self.acs, prices)


def energy_mj(macs: float, acs: float, prices: Prices = PRICES['fp32']) -> float:
    """Return the energy of MACs and additions in mJ. Example: 71e9 MACs in fp32 are 326.6 mJ."""
    return (macs * prices.mac + acs * prices.ac) * 1e-9


def part_of(name: str) -> str:
    """Return the part of a model that a module belongs to: backbone, neck, or part of a head."""
    pieces = name.split('.')
    inside = ('decode_head', 'panoptic_head', 'roi_head')
    return '.'.join(pieces[:2]) if pieces[0] in inside and len(pieces) > 1 else pieces[0] or 'model'


def layer_energies(
    operations: Operations,
    settings: EnergySettings,
    steps: int = 1,
    parameters: dict[str, int] | None = None,
) -> list[LayerEnergy]:
    """Count the operations of a trace by the settings.

    Args:
        operations: The operations, of one or more images.
        settings: The way of counting.
        steps: Number of time steps T, for ``stem_times_T``.
        parameters: Name of a module -> number of its own parameters.

    Returns:
        The counts for one image, in the order of the model.
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
        pass  # free, because norms are folded in deployment
    elif op.spikes and (op.contraction or _weighs_samples(op) or op.name == 'sum' or strict):
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


#: Batch norms. They are free, because they are folded into layers in deployment.
_NORMS = (
    'native_batch_norm',
    '_native_batch_norm_legit_no_training',
    'cudnn_batch_norm',
)


def _weighs_samples(op: Operation) -> bool:
    """Tell whether this is the weighted sum of deformable sampling, spikes times real samples."""
    return op.name == 'mul' and bool(op.real) and bool(op.spikes)


def _source(op: Operation) -> Spikes | None:
    if op.spikes:
        return op.spikes[-1]
    return next((x.upstream for x in op.operands if isinstance(x, Real) and x.upstream), None)


@dataclass(frozen=True)
class Totals:
    """Sums over the layers of a model, for one image; see :class:`LayerEnergy`."""

    dense_macs: float
    macs: float
    acs: float
    sops: float
    nonzero_macs: float
    parameters: int

    def energy_mj(self, prices: Prices) -> float:
        """Return the energy of an image in mJ."""
        return energy_mj(self.macs, self.acs, prices)


def totals(layers: Sequence[LayerEnergy]) -> Totals:
    """Add up layers. The parameters of a module with several operations count once."""
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
    """Return the memory traffic of a layer in bytes, if each tensor is read or written once.

    A spike is one bit for each binary step. Weights, membrane potentials and other real values
    have the size of the number format. Free operations have no traffic, because they are done
    together with a layer.
    """
    if layer.counted_as == 'free':
        return 0.0
    stored = layer.weight_elements + layer.output_elements + layer.real_elements
    return stored * prices.weight_bytes + layer.spike_elements * (layer.D or 1) / 8


def twins(
    layers: Sequence[LayerEnergy], one_pass: Totals, steps: int, D: int
) -> list[dict[str, Any]]:
    """Compare a model with the networks that it has to be better than.

    Args:
        layers: Counts of the spiking model.
        one_pass: Dense counts of the same graph, run for one time step.
        steps: Number of time steps T.
        D: Largest integer of the neurons.

    Returns:
        A row for each network: name, MACs, additions, and energy in mJ by number format (None if
        the network does not use the format).
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
    """Return a layer as plain values, with energy and memory traffic by number format."""
    return {
        **asdict(layer),
        'energy_mj': {key: layer.energy_mj(prices) for key, prices in PRICES.items()},
        'memory_bytes': {key: memory_bytes(layer, prices) for key, prices in PRICES.items()},
    }
