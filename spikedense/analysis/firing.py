"""Firing statistics: what the neurons of a model emit, summed up pass by pass, and alarms on it."""

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce
from mmengine.model import is_model_wrapper
from torch import Tensor, nn

from spikedense.neurons import BaseNeuron

#: Suffixes of the files that statistics are written to.
SUFFIXES = ('.json', '.csv')
#: Share of elements at D above which a neuron counts as saturated.
_SATURATED = 0.99
#: Below any number of units, negated.
_NOT_CALLED = -(2**62)


@dataclass(frozen=True)
class FiringStatistics:
    """Of one neuron, over all elements and steps that were seen.

    A unit is a channel: axis 2 of a map ``[T, B, C, H, W]``, the last axis of anything else
    (``[T, N, C]``, ``[T, B, Q, C]``).

    Args:
        D: largest integer that it emits in a real step; the largest that it had where that changed.
        mean: mean integer of an element and real step: its spikes per step.
        rate: ``mean`` over ``D``: its spikes per binary step.
        zeros: share of elements that emit nothing.
        saturated: share of elements that emit D.
        per_step: mean integer at each real step; a step that only some calls reached is averaged
            over those.
        per_level: share of elements with an integer of at least d, for d of ``1..D``: the rate of
            the d-th binary step in thermometer order. They add up to ``mean``.
        units: number of units.
        dead: units that never emitted anything.
        always_on: units that emitted something at each of their elements.
        elements: elements that were seen, over all steps.
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
        """Share of elements that emit something."""
        return 1 - self.zeros


@dataclass(frozen=True)
class _Sums:
    """Of one neuron: counts, which calls and processes add up.

    Args:
        reached: elements with an integer of at least d, ``[D, T, units]``.
        saturated: elements at the D of their call, ``[]``.
        elements: elements of each step, ``[T]``, on the CPU.
    """

    reached: Tensor
    saturated: Tensor
    elements: Tensor

    @classmethod
    def of(cls, spikes: Tensor, neuron: BaseNeuron) -> '_Sums':
        """Counts one output, ``[T, ...]``, in D comparisons."""
        x = spikes.detach()
        x = x[:, None] if x.dim() == 1 else x
        unit_axis = 2 if x.dim() == 5 else x.dim() - 1
        x = x.unsqueeze(-1)  # so that there always is an axis to sum over
        others = [axis for axis in range(1, x.dim()) if axis != unit_axis]
        # Half-way between two integers, so that the rounding of half precision does not matter.
        # int32 is twice as fast as int64, and no call has 2**31 elements of a unit.
        levels = [
            (x >= (d - 0.5) / neuron.scale).sum(others, dtype=torch.int32)  # [T, units]
            for d in range(1, neuron.D + 1)
        ]
        reached = torch.stack(levels).long()
        return cls(reached, reached[-1].sum(), torch.full((len(x),), x[0].numel()))

    def packed(self, shape: Sequence[int]) -> Tensor:
        """All counts in one vector on the CPU, padded to ``[D, T, units]`` = ``shape``."""
        parts = (_padded(self.reached, shape), self.saturated, _padded(self.elements, shape[1:2]))
        return torch.cat([part.flatten().cpu() for part in parts])

    @classmethod
    def unpacked(cls, flat: Tensor, shape: Sequence[int]) -> '_Sums':
        """Undoes :meth:`packed`."""
        reached, saturated, elements = flat.split([math.prod(shape), 1, shape[1]])
        return cls(reached.view(*shape), saturated[0], elements)

    def __add__(self, other: '_Sums') -> '_Sums':
        shape = [max(pair) for pair in zip(self.reached.shape, other.reached.shape, strict=True)]
        # Not in place: under inference mode the sums are tensors that cannot be changed after it.
        return _Sums(
            _padded(self.reached, shape) + _padded(other.reached, shape),
            self.saturated + other.saturated,
            _padded(self.elements, shape[1:2]) + _padded(other.elements, shape[1:2]),
        )

    def statistics(self) -> FiringStatistics:
        """The shares that the counts stand for."""
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
    """Zeros appended to each axis, up to a shape."""
    missing = [want - have for have, want in zip(x.shape, shape, strict=True)]
    pad = [width for after in reversed(missing) for width in (0, after)]
    return F.pad(x, pad) if any(missing) else x


class FiringMeter:
    """Watches every neuron of a model, from entering a ``with`` block to leaving it.

    No output is kept: a few counts a neuron are. What activation checkpointing runs again in the
    backward pass is not counted again, nor is a call without elements (no RoIs) counted at all.

    Args:
        model: the model.
    """

    def __init__(self, model: nn.Module) -> None:
        inner: Any = model.module if is_model_wrapper(model) else model
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
        """Forgets what was seen."""
        self._sums.clear()

    def _watch(self, name: str) -> Any:
        def add(neuron: BaseNeuron, _: tuple, out: Tensor) -> None:
            # -1 is what autograd answers outside of a backward pass, where checkpointing
            # recomputes; torch.utils.module_tracker asks in the same way.
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
        """What was seen, over all processes; each of them has to ask.

        Returns:
            Name of each neuron that was called -> its statistics, in the order of the model.
        """
        return {name: sums.statistics() for name, sums in self._over_processes().items()}

    def _over_processes(self) -> dict[str, _Sums]:
        """Adds up the counts of all processes.

        These make the same two collectives, whatever each has seen: the first tensor has a row for
        each neuron of the model, called or not, and what it settles is the size of the second.
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
        """D, T, units, and the negated units, so that a maximum finds the fewest, too."""
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


def require_known_suffix(path: str | Path) -> None:
    """Refuses a file that :func:`write_statistics` would refuse.

    Args:
        path: the file.
    """
    suffix = Path(path).suffix
    if suffix not in SUFFIXES:
        raise ValueError(
            f"'{path}' has the suffix '{suffix}', expected {SUFFIXES[0]} or {SUFFIXES[1]}"
        )


def write_statistics(statistics: Mapping[str, FiringStatistics], path: str | Path) -> None:
    """Writes statistics as JSON (name -> fields) or CSV (a row a neuron), whole or not at all.

    Args:
        statistics: of each neuron, by its name.
        path: a ``.json`` or ``.csv`` file. A CSV cell with several numbers has spaces between them.

    Raises:
        ValueError: another suffix.
    """
    require_known_suffix(path)
    path = Path(path)
    text = _as_json(statistics) if path.suffix == '.json' else _as_csv(statistics)
    part = path.with_name(f'.{path.name}.part')
    try:
        part.write_text(text, encoding='utf-8')
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _as_json(statistics: Mapping[str, FiringStatistics]) -> str:
    content = {name: asdict(of_neuron) for name, of_neuron in statistics.items()}
    return json.dumps(content, indent=2, allow_nan=False) + '\n'


def _as_csv(statistics: Mapping[str, FiringStatistics]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(['neuron', *(field.name for field in fields(FiringStatistics))])
    for name, of_neuron in statistics.items():
        cells = asdict(of_neuron).values()
        listed = (' '.join(map(str, c)) if isinstance(c, tuple) else c for c in cells)
        writer.writerow([name, *listed])
    return text.getvalue()


def summarise(statistics: Mapping[str, FiringStatistics]) -> dict[str, float]:
    """A few numbers for a whole model.

    Args:
        statistics: of each neuron, by its name.

    Returns:
        ``neurons``, their number; of them ``silent_neurons``, which emit nothing, and
        ``saturated_neurons``, with more than 0.99 of their elements at D; ``dead_units`` and
        ``always_on_units`` as shares of all units; ``mean_rate`` and ``saturated``, over all
        elements. All are 0 where there is no neuron.
    """
    neurons = statistics.values()
    units = max(sum(n.units for n in neurons), 1)
    elements = max(sum(n.elements for n in neurons), 1)
    return {
        'neurons': len(neurons),
        'silent_neurons': sum(n.mean == 0 for n in neurons),
        'saturated_neurons': sum(n.saturated > _SATURATED for n in neurons),
        'dead_units': sum(n.dead for n in neurons) / units,
        'always_on_units': sum(n.always_on for n in neurons) / units,
        'mean_rate': sum(n.rate * n.elements for n in neurons) / elements,
        'saturated': sum(n.saturated * n.elements for n in neurons) / elements,
    }


@dataclass(frozen=True)
class FiringAlarms:
    """Thresholds, each of ``0..1``, beyond which a neuron carries next to no information.

    Args:
        min_rate: least firing rate.
        max_rate: largest firing rate; None sets no limit.
        max_dead: largest share of units that never emit anything.
        max_saturated: largest share of elements that emit D.
        max_always_on: largest share of units that emit something at each of their elements.
    """

    min_rate: float = 0.001
    max_rate: float | None = None
    max_dead: float = 0.9
    max_saturated: float = 0.9
    max_always_on: float = 0.9

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if name == 'max_rate' and value is None:
                continue
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 0 <= value <= 1:
                raise ValueError(f'alarms: {name}={value!r}, expected a number from 0 to 1')
        if self.max_rate is not None and self.max_rate < self.min_rate:
            raise ValueError(
                f'alarms: max_rate={self.max_rate!r}, expected at least min_rate={self.min_rate!r}'
            )

    @classmethod
    def from_config(cls, cfg: Mapping[str, Any]) -> 'FiringAlarms':
        """Builds alarms from a hook's argument.

        Args:
            cfg: the thresholds that are not the default ones.
        """
        known = [field.name for field in fields(cls)]
        if not isinstance(cfg, Mapping):
            raise ValueError(f'alarms={cfg!r}, expected a dict of {", ".join(known)}')
        for key in cfg:
            if key not in known:
                raise ValueError(f"alarms: no threshold '{key}', expected {', '.join(known)}")
        return cls(**cfg)

    def check(self, statistics: Mapping[str, FiringStatistics]) -> list[str]:
        """Finds what is beyond a threshold.

        Args:
            statistics: of each neuron, by its name.

        Returns:
            A sentence for each neuron and threshold, in the order of the neurons.
        """
        return [text for name, found in statistics.items() for text in self._of(name, found)]

    def _of(self, name: str, found: FiringStatistics) -> list[str]:
        dead, always_on = found.dead / found.units, found.always_on / found.units
        rate = f'fires at a rate of {found.rate:.4g}'
        units = f'of the {found.units} units of {name}'
        at_D = f'emits D={found.D} at a share of {found.saturated:.4g} of its elements'
        alarms = []
        for key, value, text in (
            ('min_rate', found.rate, f'spike degradation: {name} {rate}'),
            ('max_rate', found.rate, f'excess firing: {name} {rate}'),
            ('max_dead', dead, f'dead units: {dead:.1%} {units} never fire'),
            ('max_saturated', found.saturated, f'saturation: {name} {at_D}'),
            ('max_always_on', always_on, f'always on: {always_on:.1%} {units} always fire'),
        ):
            limit, least = getattr(self, key), key == 'min_rate'
            if limit is not None and (value < limit if least else value > limit):
                expected = f'expected at {"least" if least else "most"} {limit:g} ({key})'
                alarms.append(f'{text}, {expected}')
        return alarms
