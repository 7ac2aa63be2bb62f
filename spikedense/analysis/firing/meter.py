"""The meter that counts what the neurons of a model emit."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce
from torch import Tensor, nn

from spikedense.neurons import BaseNeuron
from spikedense.utils.unwrap import unwrap

#: Smaller than any negated number of units.
_NOT_CALLED = -(2**62)


@dataclass(frozen=True)
class FiringStatistics:
    """Statistics of one neuron, over all its elements and time steps that were measured.

    A unit is a channel: axis 2 of a map ``[T, B, C, H, W]``, and the last axis of any other tensor
    (``[T, N, C]``, ``[T, B, Q, C]``).

    Args:
        D: The largest integer that the neuron can emit in a time step. If D changed, the largest D.
        mean: Mean integer of an element in a time step, which is its number of spikes per step.
        rate: ``mean / D``, the number of spikes per binary step.
        zeros: Share of the elements that emit 0.
        saturated: Share of the elements that emit D.
        per_step: Mean integer at each time step. A time step that only some calls have is averaged
            over these calls.
        per_level: Share of the elements with an integer of at least d, for d in ``1..D``. This is
            the rate of the d-th binary step in thermometer order. The shares add up to ``mean``.
        units: Number of units.
        dead: Number of units that never emitted a spike.
        always_on: Number of units that emitted a spike at each of their elements.
        elements: Number of elements that were measured, over all steps.
    """

    D: int
    mean: float
    rate: float
    zeros: float
    saturated: float
    per_step: tuple[float, ...]
    per_level: tuple[float, ...]
    units: int
    dead: int
    always_on: int
    elements: int

    @property
    def active(self) -> float:
        """Share of the elements that emit at least one spike."""
        return 1 - self.zeros


@dataclass(frozen=True)
class _Sums:
    """Counts of one neuron. The counts of several calls and processes can be added.

    Args:
        reached: Number of elements with an integer of at least d, ``[D, T, units]``.
        saturated: Number of elements that emit the D of their call, ``[]``.
        elements: Number of elements of each time step, ``[T]``, on the CPU.
    """

    reached: Tensor
    saturated: Tensor
    elements: Tensor

    @classmethod
    def of(cls, spikes: Tensor, neuron: BaseNeuron) -> '_Sums':
        """Count one output, ``[T, ...]``, with D comparisons."""
        x = spikes.detach()
        x = x[:, None] if x.dim() == 1 else x
        unit_axis = 2 if x.dim() == 5 else x.dim() - 1
        x = x.unsqueeze(-1)  # so that there is always an axis to sum over
        others = [axis for axis in range(1, x.dim()) if axis != unit_axis]
        # The limits lie half-way between two integers, so the rounding of half precision does not
        # matter. int32 is twice as fast as int64, and no call has 2**31 elements of a unit.
        levels = [
            (x >= (d - 0.5) / neuron.scale).sum(others, dtype=torch.int32)  # [T, units]
            for d in range(1, neuron.D + 1)
        ]
        reached = torch.stack(levels).long()
        return cls(reached, reached[-1].sum(), torch.full((len(x),), x[0].numel()))

    def packed(self, shape: Sequence[int]) -> Tensor:
        """Put all counts into one vector on the CPU, padded to ``[D, T, units]`` = ``shape``."""
        parts = (_padded(self.reached, shape), self.saturated, _padded(self.elements, shape[1:2]))
        return torch.cat([part.flatten().cpu() for part in parts])

    @classmethod
    def unpacked(cls, flat: Tensor, shape: Sequence[int]) -> '_Sums':
        """Make counts from the vector of :meth:`packed`."""
        reached, saturated, elements = flat.split([math.prod(shape), 1, shape[1]])
        return cls(reached.view(*shape), saturated[0], elements)

    def __add__(self, other: '_Sums') -> '_Sums':
        shape = [max(pair) for pair in zip(self.reached.shape, other.reached.shape, strict=True)]
        # Not in place, because tensors of inference mode cannot be changed outside of it.
        return _Sums(
            _padded(self.reached, shape) + _padded(other.reached, shape),
            self.saturated + other.saturated,
            _padded(self.elements, shape[1:2]) + _padded(other.elements, shape[1:2]),
        )

    def statistics(self) -> FiringStatistics:
        """Return the statistics that follow from the counts."""
        D, _, units = self.reached.shape
        elements = int(self.elements.sum())
        levels = self.reached.sum((1, 2)).tolist()
        steps = zip(self.reached.sum((0, 2)).tolist(), self.elements.tolist(), strict=True)
        active = self.reached[0].sum(0)  # [units]
        mean = sum(levels) / elements
        return FiringStatistics(
            D=D,
            mean=mean,
            rate=mean / D,
            zeros=(elements - levels[0]) / elements,
            saturated=int(self.saturated) / elements,
            per_step=tuple(count / seen for count, seen in steps),
            per_level=tuple(count / elements for count in levels),
            units=units,
            dead=int((active == 0).sum()),
            always_on=int((active == elements // units).sum()),
            elements=elements,
        )


def _padded(x: Tensor, shape: Sequence[int]) -> Tensor:
    """Append zeros to each axis, up to a shape."""
    missing = [want - have for have, want in zip(x.shape, shape, strict=True)]
    pad = [width for after in reversed(missing) for width in (0, after)]
    return F.pad(x, pad) if any(missing) else x


class FiringMeter:
    """Count what every neuron of a model emits, inside of a ``with`` block.

    The meter keeps a few counts for each neuron, and no outputs. It does not count the forward
    passes that activation checkpointing repeats in the backward pass, nor calls without elements
    (an image without RoIs).

    Args:
        model: The model, maybe inside a wrapper. The names of neurons are those inside the wrapper.

    Raises:
        ValueError: The model has no spiking neuron.
    """

    def __init__(self, model: nn.Module) -> None:
        inner = unwrap(model)
        self._neurons = {n: m for n, m in inner.named_modules() if isinstance(m, BaseNeuron)}
        if not self._neurons:
            raise ValueError(f'{type(inner).__name__} has no spiking neuron')
        self._sums: dict[str, _Sums] = {}
        self._hooks: list[Any] = []

    def __enter__(self) -> 'FiringMeter':
        for name, neuron in self._neurons.items():
            self._hooks.append(neuron.register_forward_hook(self._watch(name)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._hooks:
            self._hooks.pop().remove()

    def reset(self) -> None:
        """Set all counts back to 0."""
        self._sums.clear()

    def _watch(self, name: str) -> Any:
        def add(neuron: BaseNeuron, _: tuple, out: Tensor) -> None:
            # Checkpointing repeats forward passes inside of a backward pass. The id is -1 outside
            # of a backward pass; torch.utils.module_tracker uses the id in the same way.
            if out.numel() == 0 or torch._C._current_graph_task_id() != -1:
                return
            sums = _Sums.of(out, neuron)
            known = self._sums.get(name)
            if known is not None:
                _require_units(name, sums.reached.size(2), known.reached.size(2))
                sums = known + sums
            self._sums[name] = sums

        return add

    def statistics(self) -> dict[str, FiringStatistics]:
        """Return the statistics over all processes. Every process has to call this method.

        Returns:
            Name of each neuron that was called -> its statistics, in the order of the model.
        """
        return {name: sums.statistics() for name, sums in self._over_processes().items()}

    def _over_processes(self) -> dict[str, _Sums]:
        """Add up the counts of all processes.

        Every process makes the same two collective calls, even if it has called other neurons than
        another process: the first tensor has a row for each neuron of the model, and the result
        gives the size of the second tensor.
        """
        shapes = torch.tensor([self._extent(name) for name in self._neurons])  # [neurons, 4]
        all_reduce(shapes, 'max')
        called: dict[str, list[int]] = {}
        for name, (*shape, least) in zip(self._neurons, shapes.tolist(), strict=True):
            if shape[2] > 0:
                _require_units(name, shape[2], -least)
                called[name] = shape
        if not called:
            return {}
        none = torch.zeros(1, dtype=torch.int64)
        nothing = _Sums(none.view(1, 1, 1), none, none)
        counts = [self._sums.get(n, nothing).packed(shape) for n, shape in called.items()]
        flat = torch.cat(counts)
        all_reduce(flat)
        parts = zip(called.items(), flat.split([len(c) for c in counts]), strict=True)
        return {name: _Sums.unpacked(part, shape) for (name, shape), part in parts}

    def _extent(self, name: str) -> tuple[int, int, int, int]:
        """Return D, T, units and -units, whose maximum over processes gives the fewest units."""
        if name not in self._sums:
            return 0, 0, 0, _NOT_CALLED
        D, T, units = self._sums[name].reached.shape
        return D, T, units, -units


def _require_units(name: str, found: int, expected: int) -> None:
    if found != expected:
        raise ValueError(
            f"neuron '{name}' has {found} units, expected {expected} as in another call: units are "
            'axis 2 of [T, B, C, H, W], else the last axis'
        )
