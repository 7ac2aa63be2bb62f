"""Summary and alarms from the firing statistics of a model."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from .meter import FiringStatistics

#: Share of the elements at D above which a neuron counts as saturated.
_SATURATED = 0.99


def summarise(statistics: Mapping[str, FiringStatistics]) -> dict[str, float]:
    """Sum up the firing of a whole model in a few numbers.

    Args:
        statistics: Name of each neuron -> its statistics.

    Returns:
        ``neurons``, the number of neurons; ``silent_neurons``, the number of those that emit no
        spike; ``saturated_neurons``, the number of those with more than 0.99 of their elements at
        D; ``dead_units`` and ``always_on_units``, shares of all units; ``mean_rate`` and
        ``saturated``, means over all elements. All are 0 if there is no neuron.
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
    """Thresholds, numbers from 0 to 1. A neuron beyond one of them carries little information.

    Args:
        min_rate: The lowest firing rate without an alarm.
        max_rate: The highest firing rate without an alarm; None means no limit.
        max_dead: The highest share of units that never emit a spike.
        max_saturated: The highest share of elements that emit D.
        max_always_on: The highest share of units that emit a spike at each of their elements.

    Raises:
        ValueError: A threshold is no number from 0 to 1, or ``max_rate`` is below ``min_rate``.
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
        """Build alarms from the argument of a hook.

        Args:
            cfg: Thresholds that differ from the default ones, by their names.

        Raises:
            ValueError: ``cfg`` is no dict, a name is unknown, or a threshold is out of range.
        """
        known = [field.name for field in fields(cls)]
        if not isinstance(cfg, Mapping):
            raise ValueError(f'alarms={cfg!r}, expected a dict of {", ".join(known)}')
        for key in cfg:
            if key not in known:
                raise ValueError(f"alarms: no threshold '{key}', expected {', '.join(known)}")
        return cls(**cfg)

    def check(self, statistics: Mapping[str, FiringStatistics]) -> list[str]:
        """Find the neurons that are beyond a threshold.

        Args:
            statistics: Name of each neuron -> its statistics.

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
