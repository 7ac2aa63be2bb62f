"""Follows spikes and real values through a forward pass."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary

from spikedense.neurons import BaseNeuron
from spikedense.utils.answers import ask_or_none

from .network import network_outputs
from .records import Operation, Operations
from .results import all_neurons, grid_of_result, is_summed, joined, last_spikes
from .rules import (
    CONTRACTIONS,
    ELEMENTWISE,
    FACTORIES,
    JOINS,
    MOVES,
    VECTOR_PRODUCTS,
    contraction_macs,
    factors,
    synaptic_operations,
)
from .values import CONSTANT, Constant, Real, Spikes, Value


class OperationTrace(TorchDispatchMode):
    """Lists the multiplications inside a ``with`` block, and what their operands hold.

    The trace follows each tensor. The output of a neuron is spikes, and views and copies of spikes
    are spikes; so are sums (of one scale) and products of two spiking tensors, and the result of a
    module that tells so (``spike_grid``). The result of any other arithmetic on spikes or on the
    input is real. All other tensors, mainly weights, are constant. The trace keeps no tensor alive.

    Args:
        model: The model; the names of its modules become the places of the operations.
        opaque: Classes of modules that run operators of mmcv, which torch cannot trace; the
            outputs of such modules are real.
    """

    def __init__(self, model: nn.Module, opaque: tuple[type[nn.Module], ...] = ()) -> None:
        super().__init__()
        self._model = model
        self._opaque = opaque
        self._values = WeakTensorKeyDictionary()
        self._stack: list[tuple[str, nn.Module]] = []
        self._hooks: list[Any] = []
        self._found: dict[tuple, Operation] = {}
        self._busy = False
        #: Module -> what the arguments held at the first call.
        self.inputs: dict[str, tuple[Value, ...]] = {}
        #: Module -> shape of the first argument at the first call.
        self.shapes: dict[str, torch.Size] = {}
        #: Neuron -> (module, operation) of all that computes with its spikes, in the order of the
        #: forward pass; copies do not count.
        self.readers: dict[str, dict[tuple[str, str], None]] = {}
        #: Modules that the trace cannot follow: an input depends on the image, the output seems
        #: constant (operators of mmcv, tensors filled in place). The output counts as real, the
        #: operations inside are not recorded.
        self.lost: set[str] = set()
        self.images = 0
        self._batch = 1
        self._fast_attention = True

    def __enter__(self) -> 'OperationTrace':
        # The trace cannot look into PyTorch's fused attention, which is a single operation.
        self._fast_attention = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        for name, module in self._model.named_modules():
            self._hooks.append(module.register_forward_pre_hook(self._entering(name)))
            self._hooks.append(module.register_forward_hook(self._leaving(name), always_call=True))
        return super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, trace)
        torch.backends.mha.set_fastpath_enabled(self._fast_attention)
        while self._hooks:
            self._hooks.pop().remove()

    @property
    def operations(self) -> Operations:
        """The operations found so far."""
        return Operations(list(self._found.values()), self.images)

    def feed(self, images: Tensor) -> Tensor:
        """Declare the input of the model, real values.

        Args:
            images: ``[B, C, H, W]``, or clips ``[T, B, C, H, W]`` of B images each T steps long.

        Returns:
            The same tensor.
        """
        self._values[images] = Real()
        # The time steps of a clip do not count as images.
        self._batch = images.size(1) if images.dim() == 5 else images.size(0)
        self.images += self._batch
        return images

    @property
    def steps(self) -> int:
        """Largest number of time steps that a neuron has seen; 1 if no neuron has run."""
        named = self._model.named_modules()
        neurons = [name for name, module in named if isinstance(module, BaseNeuron)]
        return max((self.shapes[name][0] for name in neurons if name in self.shapes), default=1)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop recording inside a ``with`` block; results of the block count as constant."""
        before, self._busy = self._busy, True
        try:
            yield
        finally:
            self._busy = before

    def value_of(self, x: Any) -> Value:
        """Return what a tensor holds; anything that is not a tensor is constant."""
        return self._values.get(x, CONSTANT) if isinstance(x, Tensor) else CONSTANT

    def _entering(self, name: str) -> Any:
        def enter(module: nn.Module, args: tuple) -> None:
            self._stack.append((name, module))
            if name not in self.inputs and args:
                self.inputs[name] = tuple(self.value_of(x) for x in args)
                if isinstance(args[0], Tensor):
                    self.shapes[name] = args[0].shape

        return enter

    def _leaving(self, name: str) -> Any:
        def leave(module: nn.Module, args: tuple, out: Any) -> None:
            self._stack.pop()
            if isinstance(module, BaseNeuron) and isinstance(out, Tensor):
                self._values[out] = self._emitted(name, module, out)
            elif (grid := self._told_grid(module, args)) is not None:
                self._values[out] = self._spikes(
                    all_neurons([self.value_of(x) for x in args]), *grid, out
                )
            elif isinstance(module, self._opaque) and isinstance(out, Tensor):
                reals = [self.value_of(x) for x in _tensors(args)]
                self._values[out] = Real(last_spikes(reals), summed=True)
            elif isinstance(out, Tensor) and out.is_floating_point() and not self._busy:
                given = [self.value_of(x) for x in _tensors(args)]
                known = self.value_of(out) is not CONSTANT
                if not known and any(x is not CONSTANT for x in given):
                    self.lost.add(name)
                    self._values[out] = Real(last_spikes(given), summed=True)

        return leave

    def _told_grid(self, module: nn.Module, args: tuple) -> tuple[int, float] | None:
        """Return D and norm of spikes that a module makes of spikes, if it tells that it does."""
        method = ask_or_none(module, 'spike_grid')
        if method is None or self._busy:
            return None
        values = [self.value_of(x) for x in args]
        return method(*((x.D, x.norm) if isinstance(x, Spikes) else None for x in values))

    def _emitted(self, name: str, neuron: BaseNeuron, out: Tensor) -> Spikes:
        return self._spikes((name,), neuron.D, neuron.scale, out)

    def _spikes(self, neurons: tuple[str, ...], D: int, norm: float, out: Tensor) -> Spikes:
        """Measure a tensor of spikes."""
        if out.is_meta:  # a dense count runs shapes only, so there are no firing rates
            return Spikes(neurons, D, norm, math.nan, math.nan)
        with self.paused():
            counts = out.detach().double() * norm
            elements = max(1, counts.numel())
            mean = counts.sum().item() / elements
            zeros = (counts < 0.5).sum().item() / elements
        return Spikes(neurons, D, norm, mean, zeros)

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        if not self._busy:
            self._observe(func.overloadpacket, args, kwargs or {}, out)
        return out

    def _observe(self, packet: Any, args: tuple, kwargs: dict, out: Any) -> None:
        tensors = _tensors(args)
        values = [self.value_of(x) for x in tensors]
        if packet in FACTORIES or all(isinstance(v, Constant) for v in values):
            return
        if packet is torch.ops.aten.copy_:
            made = values[-1]
        elif packet in MOVES:
            made = values[0] if packet is not torch.ops.aten.where else joined(values[1:])
        elif packet in JOINS:
            made = joined(values)
        elif (grid := grid_of_result(packet, values, kwargs)) is not None:
            made = self._spikes(all_neurons(values), *grid, out)
            self._note_readers(packet, values)
        else:
            made = Real(last_spikes(values), is_summed(packet, values))
            self._note_readers(packet, values)
        for result in out if isinstance(out, tuple | list) else [out]:
            if isinstance(result, Tensor):
                self._values[result] = made
        if not isinstance(out, Tensor) and isinstance(out, tuple | list):
            out = next(x for x in out if isinstance(x, Tensor))
        if packet is torch.ops.aten.mean and out.numel() == tensors[0].numel():
            return  # a mean over one step multiplies nothing
        if packet in CONTRACTIONS:
            self._contraction(packet, args, out)
        elif packet is torch.ops.aten.sum and isinstance(values[0], Spikes):
            self._sum_of_spikes(packet, tensors[0], values[0], out)
        elif packet in ELEMENTWISE and isinstance(out, Tensor):
            self._elementwise(packet, args, out, ELEMENTWISE[packet] * out.numel())
        elif packet in VECTOR_PRODUCTS:
            self._elementwise(packet, args, out, max(x.numel() for x in tensors))

    def _note_readers(self, packet: Any, values: Sequence[Value]) -> None:
        place = self._stack[-1][0] if self._stack else ''
        for value in values:
            for neuron in value.neurons if isinstance(value, Spikes) else ():
                self.readers.setdefault(neuron, {})[place, packet.__name__] = None

    def _record(self, packet: Any, operands: tuple[Value, ...], contraction: bool) -> Operation:
        place = self._stack[-1][0] if self._stack else ''
        leaking = not any(isinstance(x, Spikes) for x in operands)
        inside = any(_is_neural(module, leaking) for _, module in self._stack)
        name = packet.__name__
        key = (place, name, inside, tuple(_kind(x) for x in operands))
        if key not in self._found:
            self._found[key] = Operation(place, name, operands, inside, contraction)
        record = self._found[key]
        record.calls += 1
        return record

    def _contraction(self, packet: Any, args: tuple, out: Tensor) -> None:
        pair = factors(packet, args)
        operands = tuple(self.value_of(x) for x in pair)
        record = self._record(packet, operands, True)
        macs = contraction_macs(packet, args, out)
        record.macs += macs
        record.outputs += out.numel()
        for x, value in zip(pair, operands, strict=True):
            if isinstance(value, Constant):
                record.weights = max(record.weights, x.numel())
            else:
                record.inputs += x.numel()
                record.spike_inputs += x.numel() if isinstance(value, Spikes) else 0
        if packet is torch.ops.aten.convolution:
            record.repeats = pair[0].size(0) / self._batch
        self._count_spikes(record, packet, args, out, pair, operands, macs)

    def _count_spikes(
        self,
        record: Operation,
        packet: Any,
        args: tuple,
        out: Tensor,
        pair: tuple[Tensor, Tensor],
        operands: tuple[Value, ...],
        macs: int,
    ) -> None:
        if any(x.is_meta for x in pair):
            return
        with self.paused():
            spiking = [i for i, x in enumerate(operands) if isinstance(x, Spikes)]
            if not spiking:
                upstream = [x.upstream for x in operands if isinstance(x, Real) and x.upstream]
                if upstream:
                    record.upstream += macs * sum(x.mean for x in upstream) / len(upstream)
                return
            counts = [pair[i].detach().double() * operands[i].norm for i in spiking]  # type: ignore[union-attr]
            means = [c.sum().item() / max(1, c.numel()) for c in counts]
            record.single += macs * sum(means) / len(means)
            nonzero = [(c > 0.5).sum().item() / max(1, c.numel()) for c in counts]
            record.nonzero += macs * min(nonzero)
            synaptic = synaptic_operations(packet, args, out, counts[-1], spiking[-1])
            record.synaptic += synaptic
            if len(spiking) == 2 and packet is not torch.ops.aten.convolution:
                by_row, by_column = counts[0].sum(-2), counts[1].sum(-1)
                record.product += (by_row * by_column).sum().item()
            else:
                record.product += synaptic

    def _sum_of_spikes(self, packet: Any, x: Tensor, spikes: Spikes, out: Tensor) -> None:
        """Record a sum along axes: an addition for each spike, and no weights."""
        record = self._record(packet, (spikes,), False)
        record.macs += x.numel()
        record.inputs += x.numel()
        record.spike_inputs += x.numel()
        record.outputs += out.numel()
        if x.is_meta:
            return
        with self.paused():
            counts = x.detach().double() * spikes.norm
            additions = counts.sum().item()
            record.nonzero += (counts > 0.5).sum().item()
        record.single += additions
        record.synaptic += additions
        record.product += additions

    def _elementwise(self, packet: Any, args: tuple, out: Tensor, times: float) -> None:
        operands = tuple(self.value_of(x) for x in args[:2] if isinstance(x, Tensor | float | int))
        if any(isinstance(x, Tensor) and not x.is_floating_point() for x in args[:2]):
            return  # a mask of booleans or integers selects, it does not multiply
        record = self._record(packet, operands, False)
        record.macs += times
        record.outputs += out.numel()
        spikes = [x for x in operands if isinstance(x, Spikes)]
        for value in spikes:
            record.single += times * value.mean / len(spikes)
        for x in args[:2]:
            held = self.value_of(x)
            if not isinstance(held, Constant):
                record.inputs += x.numel()
                record.spike_inputs += x.numel() if isinstance(held, Spikes) else 0
        if spikes:
            record.nonzero += times * (1 - max(value.zeros for value in spikes))
        record.synaptic, record.product = record.single, record.single
        if not spikes:
            upstream = [x.upstream for x in operands if isinstance(x, Real) and x.upstream]
            record.upstream += times * sum(x.mean for x in upstream) / max(1, len(upstream))


def _is_neural(module: nn.Module, leaking: bool) -> bool:
    """Tell whether an operation of a module is the dynamics of a neuron.

    A module that is no neuron says so by ``neural_dynamics``, for operations without spikes only.
    """
    return isinstance(module, BaseNeuron) or (leaking and getattr(module, 'neural_dynamics', False))


def _kind(value: Value) -> tuple:
    """Return the part of a record's key that one operand decides: its kind and its neurons."""
    if isinstance(value, Spikes):
        return 'spikes', value.neurons, value.D, value.norm
    if isinstance(value, Real):
        return 'real', value.upstream is not None, value.summed
    return ('constant',)


def _tensors(args: Any) -> list[Tensor]:
    """Return the tensors among arguments, also those inside lists."""
    found: list[Tensor] = []
    for x in args:
        if isinstance(x, Tensor):
            found.append(x)
        elif isinstance(x, tuple | list):
            found.extend(_tensors(x))
    return found


@torch.no_grad()
def trace_network(model: nn.Module, images: Tensor, **how: Any) -> OperationTrace:
    """Trace a model from images to logits.

    Args:
        model: The model, in eval mode.
        images: Normalised images, ``[B, C, H, W]``.
        **how: See :func:`network_outputs`.

    Returns:
        The finished trace.
    """
    trace = OperationTrace(model, opaque_modules())
    with trace:
        network_outputs(model, trace.feed(images), trace=trace, **how)
    return trace


def opaque_modules() -> tuple[type[nn.Module], ...]:
    """Return the classes of modules that call operators of mmcv."""
    from mmdet.models.roi_heads.roi_extractors.base_roi_extractor import BaseRoIExtractor

    return (BaseRoIExtractor,)
