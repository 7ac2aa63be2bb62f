"""Comparison of a model with its spike-driven twin, neuron by neuron and call by call."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from spikedense.deploy.twins import SpikeTrain
from spikedense.neurons import IF, MBPL, NILIF, PLIF, BaseNeuron, SigmoidL2NILIF, ThresholdNeuron
from spikedense.tracing import network_outputs

#: Second stages see these two boxes of an image, whatever the first stage proposes.
BOXES = torch.tensor([[8.0, 8, 40, 30], [10, 4, 90, 60]])
LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)


@dataclass
class Call:
    """One call of a neuron.

    Args:
        current: its input, ``[T, B, ...]``.
        counts: what it emitted as integers, ``[T, B, ...]``.
    """

    current: Tensor
    counts: Tensor


Calls = dict[str, list[Call]]


def senders(model: nn.Module) -> dict[str, BaseNeuron]:
    """Neurons by the name of the place where they stand; a train's own one is no other place."""
    found: dict[str, BaseNeuron] = {}
    for name, module in model.named_modules():
        if isinstance(module, BaseNeuron) and name.rpartition('.')[0] not in found:
            found[name] = module
    return found


def inner(neuron: BaseNeuron) -> Any:
    """The neuron that fires: that inside of a train."""
    return neuron.neuron if isinstance(neuron, SpikeTrain) else neuron


@contextmanager
def emitting(model: nn.Module, forced: Calls | None = None) -> Iterator[Calls]:
    """Watch the neurons of a model, and make them emit given spikes.

    Args:
        model: the model or its twin.
        forced: what neurons emit, call by call, in place of what they would. None: their own.

    Yields:
        The calls of each neuron, filled as the model runs; ``counts`` are the neuron's own.
    """
    calls: Calls = {}

    def watch(name: str) -> Any:
        def after(neuron: BaseNeuron, args: tuple, out: Tensor) -> Tensor | None:
            mine = calls.setdefault(name, [])
            mine.append(Call(args[0].clone(), _counts(neuron, out)))
            return None if forced is None else _sent(neuron, forced[name][len(mine) - 1].counts)

        return after

    with ExitStack() as stack:
        for name, neuron in senders(model).items():
            stack.callback(neuron.register_forward_hook(watch(name)).remove)
        yield calls


@torch.no_grad()
def run(
    model: nn.Module, images: Tensor, forced: Calls | None = None
) -> tuple[Calls, tuple[Tensor, ...]]:
    """Run a model from images to logits.

    Args:
        model: the model or its twin.
        images: ``[B, 3, H, W]``.
        forced: see :func:`emitting`.

    Returns:
        The calls of each neuron, and the logits.
    """
    with emitting(model, forced) as calls:
        return calls, network_outputs(model, images, boxes=BOXES)


def _counts(neuron: BaseNeuron, out: Tensor) -> Tensor:
    if isinstance(neuron, SpikeTrain):
        return out.unflatten(1, (-1, neuron.levels)).sum(2)
    return (out * neuron.scale).round()


def _sent(neuron: BaseNeuron, counts: Tensor) -> Tensor:
    """What a neuron that emits these integers hands on."""
    if not isinstance(neuron, SpikeTrain):
        return counts / neuron.scale
    planes = torch.stack([counts > level for level in range(neuron.levels)], 2)
    return planes.flatten(1, 2).to(counts)


def assert_same_answers(model: nn.Module, twin: nn.Module, images: Tensor) -> None:
    """In float64, not a single spike differs, and logits agree but for rounding.

    Args:
        model: the model, in eval mode.
        twin: its spike-driven twin.
        images: ``[B, 3, H, W]``, float64.
    """
    expected, logits = run(model, images)
    found, twin_logits = run(twin, images)
    assert list(found) == list(expected)
    for name, calls in expected.items():
        for call, other in zip(calls, found[name], strict=True):
            assert torch.equal(call.counts, other.counts), f'spikes of {name} flipped'
    for x, y in zip(logits, twin_logits, strict=True):
        assert (x - y).abs().max() <= 1e-9 * x.abs().max()


def assert_same_step_by_step(
    model: nn.Module, twin: nn.Module, images: Tensor, tolerance: float = 1e-4
) -> None:
    """With the same spikes in front of each neuron, it is given the same potential in float32.

    A spike that flips by rounding would make all that follows differ. So each neuron of the twin
    hands on what the model's has emitted, and what it would have emitted differs only where the
    potential lies within the tolerance of a threshold.

    Args:
        model: the model, in eval mode.
        twin: its spike-driven twin.
        images: ``[B, 3, H, W]``.
        tolerance: that of a potential, relative to 1 plus the largest one of its call.
    """
    expected, _ = run(model, images)
    found, _ = run(twin, images, forced=expected)
    twins = senders(twin)
    for name, neuron in senders(model).items():
        other = inner(twins[name])
        for call, its in zip(expected.get(name, []), found.get(name, []), strict=True):
            for u, n, raw in zip(
                potentials(neuron, call.current, call.counts),
                _steps(neuron, call.counts),
                potentials(other, its.current, call.counts),
                strict=True,
            ):
                margin = tolerance * (1 + u.abs().max().item())
                assert (u - _unfolded(neuron, other, raw)).abs().max() <= margin, name
                emitted = fire(other, raw)
                assert (emitted >= fire(neuron, u - margin)).all(), name
                assert (emitted <= fire(neuron, u + margin)).all(), name
                # What is replayed here is what the model has computed.
                assert ((fire(neuron, u) == n) | (fire(neuron, u + margin) == n)).all(), name


def assert_fires_as_told(
    model: nn.Module, calls: Calls, forced: Calls, tolerance: float = 1e-5
) -> None:
    """What a model was made to emit is what it emits itself, but next to a threshold.

    Another arithmetic may round a potential to the other side of a threshold, so that this spike
    differs, and all that follows from it. Hence the model is given the spikes of the other one,
    and each of them is held against the potential from which it comes.

    Args:
        model: the model, in eval mode, of one step or of neurons without state.
        calls: those of its neurons, which were made to emit what the other one has emitted.
        forced: what the other one has emitted.
        tolerance: that of a potential, relative to 1 plus the largest one of its call.
    """
    assert {name: len(its) for name, its in calls.items()} == {
        name: len(its) for name, its in forced.items()
    }
    for name, its in calls.items():
        neuron = senders(model)[name]
        for call, told in zip(its, forced[name], strict=True):
            for u, n in zip(
                potentials(neuron, call.current, told.counts),
                _steps(neuron, told.counts),
                strict=True,
            ):
                margin = tolerance * (1 + u.abs().max().item())
                assert (n >= fire(neuron, u - margin)).all(), name
                assert (n <= fire(neuron, u + margin)).all(), name


def potentials(neuron: Any, current: Tensor, counts: Tensor) -> list[Tensor]:
    """Membrane potentials of each step before it fires, given what is then emitted.

    Args:
        neuron: of any class.
        current: ``[T, ...]``.
        counts: the integers that are emitted, ``[T, ...]``.

    Returns:
        T times ``[...]`` (once ``[T, ...]`` of a neuron without state).
    """
    steps, emitted = _steps(neuron, current), _steps(neuron, counts)
    if isinstance(neuron, MBPL):
        assert len(steps) == 1, 'later potentials are those of several LIFs'
        return [neuron.input_gain * steps[0]]
    return list(
        (_node_potentials if _binary(neuron) else _integer_potentials)(neuron, steps, emitted)
    )


def _integer_potentials(neuron: Any, steps: Tensor, counts: Tensor) -> Any:
    membrane: Tensor | float = 0.0
    gain = neuron.gain if isinstance(neuron, ThresholdNeuron) else 1.0
    for current, count in zip(steps, counts, strict=True):
        potential = membrane + current
        yield _squashed(neuron, potential) if isinstance(neuron, SigmoidL2NILIF) else potential
        membrane = neuron.beta * (potential - count / gain)


def _squashed(neuron: SigmoidL2NILIF, potential: Tensor) -> Tensor:
    """What that neuron rounds: a function of the whole sample, ``[B, ...]``."""
    rms = potential.flatten(1).square().mean(1).sqrt()
    return neuron.D * (potential / rms.reshape(-1, *[1] * (potential.dim() - 1))).sigmoid()


def _node_potentials(neuron: Any, steps: Tensor, counts: Tensor) -> Any:
    """SpikingJelly's dynamics, written down again: it has no way to be told what to emit."""
    node = neuron.node
    rest = node.v_reset or 0.0
    leak = 0.0 if isinstance(neuron, IF) else _leak(neuron)
    membrane: Tensor | float = rest
    for current, spike in zip(steps, counts, strict=True):
        potential = membrane - leak * (membrane - rest) + neuron.input_gain() * current
        yield potential
        if node.v_reset is None:
            membrane = potential - spike * node.v_threshold
        else:
            membrane = potential * (1 - spike) + rest * spike


def _leak(neuron: Any) -> Any:
    return neuron.node.w.sigmoid() if isinstance(neuron, PLIF) else 1 / neuron.node.tau


def fire(neuron: Any, potential: Tensor) -> Tensor:
    """Integers for the potentials of one step."""
    if _binary(neuron):
        return (potential >= neuron.node.v_threshold).to(potential)
    if isinstance(neuron, MBPL):
        return sum((potential >= threshold).to(potential) for threshold in neuron.thresholds)
    if isinstance(neuron, ThresholdNeuron):
        return neuron.count(potential)
    assert isinstance(neuron, NILIF)
    return NILIF.fire(neuron, potential)


def _unfolded(neuron: Any, other: Any, potential: Tensor) -> Tensor:
    """The potential of a twin's neuron as the model's has it, whose input was not yet folded."""
    if _binary(neuron):
        return potential * (neuron.node.v_threshold / other.node.v_threshold)
    if isinstance(neuron, MBPL):
        return potential * (neuron.thresholds[0] / other.thresholds[0])
    if not isinstance(other, ThresholdNeuron):
        return potential
    # A sigmoid in front was made a threshold at 0.
    return potential.sigmoid() if other.thresholds == [0.0] else potential * other.gain


def _steps(neuron: BaseNeuron, x: Tensor) -> Tensor:
    return x if neuron.stateful else x.unsqueeze(0)


def _binary(neuron: BaseNeuron) -> bool:
    return hasattr(neuron, 'node')


def inputs_not_binary(twin: nn.Module, images: Tensor) -> set[str]:
    """Weighted layers of a spike-driven twin that are given anything but zeros and ones.

    Args:
        twin: the twin.
        images: ``[B, 3, H, W]``.

    Returns:
        Their names, as in the model.
    """
    found = set()

    def watch(name: str) -> Any:
        def before(_: nn.Module, args: tuple) -> None:
            (x,) = args
            if not ((x == 0) | (x == 1)).all():
                found.add(name.removesuffix('.synapses'))

        return before

    with ExitStack() as stack, torch.no_grad():
        for name, module in twin.named_modules():
            if isinstance(module, LAYERS):
                stack.callback(module.register_forward_pre_hook(watch(name)).remove)
        network_outputs(twin, images, boxes=BOXES)
    return found
