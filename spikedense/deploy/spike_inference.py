"""Spike-driven inference: binary spikes over T x D steps instead of integers over T steps."""

import copy
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from spikedense.models.layers import SpikeSum
from spikedense.neurons import BaseNeuron, comparing
from spikedense.tracing import OperationTrace, Spikes, Value, network_outputs, trace_network
from spikedense.utils.answers import Folding, Unfoldable, ask, is_exactly
from spikedense.utils.images import random_images
from spikedense.utils.made_up import made_up_images

from .fold import fold
from .modules import replace_module
from .twins import SpikeTrain, build_twin, has_twin, known_classes
from .verify import gap_beyond_rounding

#: Largest share of a neuron's integers that may differ: a potential can lie on a threshold.
_FLIPPED = 1e-3


@torch.no_grad()
def to_spike_inference(
    model: nn.Module, images: Tensor | None = None, **how: Any
) -> tuple[nn.Module, list[Folding]]:
    r"""Build the spike-driven twin of a model.

    A neuron sends an integer n as n binary spikes over D virtual steps. The next layer is applied
    to each virtual step, the results are accumulated, and the bias is added once. The next neuron
    fires once in each real step:

    .. math::
        W S + b = \sum_{d=1}^{D} (W / D) \, b_d + b

    The model is folded first (see :func:`fold`); the factor 1/D is folded, too. In a product of two
    spiking factors, one factor is sent spike by spike, and the other is an accumulated integer.

    Args:
        model: The model; it is copied, not changed.
        images: Example images for the trace, which finds the layers that each neuron feeds; None
            means random images of 64 x 96 pixels.
        **how: See :func:`spikedense.tracing.network_outputs`.

    Returns:
        The twin in eval mode, which takes the same arguments as the model, and a record of each
        part that was folded or could not be folded.

    Raises:
        ValueError: The model has no spiking neuron, or a module without a twin reads spikes, or the
            outputs of twin and model differ.
    """
    if not any(isinstance(m, BaseNeuron) for m in model.modules()):
        raise ValueError(
            f'{type(model).__name__} has no spiking neuron, expected a spiking model: an ANN has '
            'nothing to send as spikes'
        )
    like = next(model.parameters())
    if images is None:
        images = random_images(model, (64, 96), dtype=like.dtype, device=like.device)
    if hasattr(model, 'roi_head') and 'boxes' not in how:
        # Fixed boxes, because a tie between scores could change the proposals.
        how = dict(how, boxes=images.new_tensor([[8, 8, 40, 30], [10, 4, 90, 60]]))
    # All runs in float64: in float32, another order of additions can move a potential over a
    # threshold, and the comparison would find other spikes.
    exact = model if like.dtype == torch.float64 else copy.deepcopy(model).double()
    with made_up_images():
        twin, foldings = _converted(exact, images.double(), how)
        _prove(exact, twin, images.double(), how)
    return twin.to(like.dtype), foldings


def _converted(
    model: nn.Module, images: Tensor, how: dict[str, Any]
) -> tuple[nn.Module, list[Folding]]:
    twin = copy.deepcopy(model).eval()
    foldings = fold(twin, steps=_steps(twin, images, how))
    trace = trace_network(twin, images, **how)
    _check_readers(twin, trace)
    # The scales change numbers only: names of modules and largest integers stay as traced.
    foldings += _absorb_scales(twin, trace)
    _send_spikes(twin, trace)
    return twin, foldings


def _steps(model: nn.Module, images: Tensor, how: dict[str, Any]) -> int:
    """Return the largest number of time steps that a neuron of the model sees."""
    seen = [1]
    with ExitStack() as stack:
        for module in model.modules():
            if isinstance(module, BaseNeuron):
                hook = module.register_forward_pre_hook(lambda _, args: seen.append(len(args[0])))
                stack.callback(hook.remove)
        network_outputs(model, images, **how)
    return max(seen)


_ADVICE = (
    'the model uses spikes in a way that cannot be converted (a layer fed by several neurons or '
    'under two names, tied weights, spikes as an output, layers on an unfolded time axis)'
)


def _prove(model: nn.Module, twin: nn.Module, images: Tensor, how: dict[str, Any]) -> None:
    """Compare model and twin neuron by neuron, then their outputs.

    A structure that the conversion does not know shows here. The spikes are compared besides the
    outputs, because a small layer scale can hide a wrong branch in the outputs.
    """
    before = model.training
    try:
        counts, expected = _run(model.eval(), images, how)
    finally:
        model.train(before)
    try:
        twin_counts, found = _run(twin, images, how)
    except (IndexError, RuntimeError) as error:
        raise ValueError(f'spike-driven inference: {_ADVICE}: {error}') from error
    for i, (x, y) in enumerate(zip(expected, found, strict=True)):
        if x.shape != y.shape:
            shapes = f'{tuple(y.shape)}, expected {tuple(x.shape)}'
            raise ValueError(f'spike-driven inference: output {i} has shape {shapes}: {_ADVICE}')
    for name, calls in counts.items():
        for x, y in zip(calls, twin_counts.get(name, []), strict=False):
            if x.shape != y.shape or (x != y).double().mean() > _FLIPPED:
                raise ValueError(
                    f"spike-driven inference: the neuron '{name}' emits other spikes: {_ADVICE}"
                )
    for i, (x, y) in enumerate(zip(expected, found, strict=True)):
        gap = gap_beyond_rounding(x, y)
        if gap:
            raise ValueError(
                f'spike-driven inference: output {i} differs by {gap:.3g}, expected none: {_ADVICE}'
            )


def _run(
    model: nn.Module, images: Tensor, how: dict[str, Any]
) -> tuple[dict[str, list[Tensor]], tuple[Tensor, ...]]:
    """Run a model, and return the integers of each call of its neurons, and its outputs."""
    counts: dict[str, list[Tensor]] = {}

    def watch(name: str) -> Any:
        def after(neuron: Any, _: tuple, out: Tensor) -> None:
            levels = neuron.levels if isinstance(neuron, SpikeTrain) else 1
            sent = out.unflatten(1, (-1, levels)).sum(2) if levels > 1 else out * neuron.scale
            counts.setdefault(name, []).append(sent.round().to(torch.int16))

        return after

    with ExitStack() as stack:
        for name, module in model.named_modules():
            # The neuron inside of a train has the name of the train in front of its own.
            inside = isinstance(model.get_submodule(name.rpartition('.')[0]), SpikeTrain)
            if isinstance(module, BaseNeuron) and not inside:
                stack.callback(module.register_forward_hook(watch(name)).remove)
        return counts, network_outputs(model, images, **how)


def _check_readers(model: nn.Module, trace: OperationTrace) -> None:
    for place, values in trace.inputs.items():
        module = model.get_submodule(place)
        if getattr(module, 'needs_one_neuron', False) and not _in_order(model, values[0]):
            raise ValueError(
                f"spike-driven inference: '{place}' ({type(module).__name__}) reads sums or "
                'products of spikes, expected the spikes of a neuron: only these can be pooled one '
                'by one'
            )
    for neuron, readers in trace.readers.items():
        for place, operation in readers:
            reader = model.get_submodule(place)
            _check_reader(place, reader, trace)
            if not has_twin(reader):
                if hasattr(reader, 'no_twin'):
                    raise ValueError(
                        f"spike-driven inference: '{place}' ({type(reader).__name__}) has no twin: "
                        f'{reader.no_twin}'
                    )
                names = ', '.join(cls.__name__ for cls in known_classes())
                raise ValueError(
                    f"spike-driven inference: '{place}' ({type(reader).__name__}) reads the spikes "
                    f"of '{neuron}' by '{operation}' and has no twin, expected one of {names}, or "
                    'a module whose class is registered by @twin_of'
                )


def _in_order(model: nn.Module, value: Value) -> bool:
    """Tell whether an integer n is sent at the first n virtual steps, as a neuron sends it.

    Spikes of several neurons that are joined are as well; D of a sum or product is another one.
    """
    if not isinstance(value, Spikes) or value.D == 1:
        return True
    neurons: list[Any] = [model.get_submodule(name) for name in value.neurons]
    return all(neuron.D == value.D for neuron in neurons)


def _check_reader(place: str, reader: nn.Module, trace: OperationTrace) -> None:
    """Check what a reader reads: spikes of one scale if it adds them, weights of its own."""
    values = [value for value in trace.inputs.get(place, ()) if isinstance(value, Spikes)]
    scales = sorted({value.norm for value in values})
    if len(scales) > 1 and is_exactly(reader, SpikeSum):
        raise ValueError(
            f"spike-driven inference: '{place}' (SpikeSum) adds spikes of the scales {scales}, "
            'expected one scale'
        )
    if is_parametrized(reader):
        raise ValueError(
            f"spike-driven inference: the weight of '{place}' ({type(reader).__name__}) is made of "
            'other parameters, expected a plain weight (torch.nn.utils.parametrize)'
        )


def _absorb_scales(model: nn.Module, trace: OperationTrace) -> list[Folding]:
    """Move the factor 1/norm of each neuron into its readers, so that neurons emit integers."""
    scaled = [
        name
        for name, neuron in model.named_modules()
        if isinstance(neuron, BaseNeuron) and neuron.scale != 1 and name in trace.readers
    ]
    for name, values in trace.inputs.items():
        module = model.get_submodule(name)
        if not has_twin(module):
            continue
        for i, value in enumerate(values):
            # All spikes of one tensor have the same scale.
            if isinstance(value, Spikes) and set(value.neurons) & set(scaled):
                _absorb(model, name, module, i, 1 / value.norm)
    for name in scaled:
        emitter: Any = model.get_submodule(name)
        emitter.norm = 1.0
    for name, neuron in list(model.named_modules()):
        twin = comparing(neuron)
        if twin is not None:
            replace_module(model, name, twin)
    return [Folding('1/D', name) for name in scaled]


def _absorb(model: nn.Module, name: str, module: nn.Module, which: int, factor: float) -> None:
    """Fold a factor of an input into a layer's weight, or let the module or its owner take it."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        module.weight.mul_(factor)
        return
    parent, _, child = name.rpartition('.')
    refusals = []
    for teller, question, args in (
        (model.get_submodule(parent), 'absorb', (child, which, factor)),
        (module, 'scale_operand', (which, factor)),
    ):
        try:
            method = ask(teller, question)
            if method is not None:
                method(*args)
                return
        except Unfoldable as refused:
            refusals.append(str(refused))
    why = f' ({"; ".join(refusals)})' if refusals else ''
    raise ValueError(
        f"spike-driven inference: '{name}' ({type(module).__name__}) has no place for the factor "
        f'{factor:g} of its input {which}{why}, expected scale_operand in it or absorb in its owner'
    )


def _send_spikes(model: nn.Module, trace: OperationTrace) -> None:
    """Replace neurons by spike trains, and the readers of spikes by their twins."""
    for name, values in trace.inputs.items():
        module = model.get_submodule(name)
        if any(isinstance(value, Spikes) for value in values) and has_twin(module):
            levels = tuple(value.D if isinstance(value, Spikes) else 1 for value in values)
            replace_module(model, name, build_twin(module, levels))
    for name, neuron in list(model.named_modules()):
        if isinstance(neuron, BaseNeuron) and neuron.D > 1:
            replace_module(model, name, SpikeTrain(neuron).eval())
