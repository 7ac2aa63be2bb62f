"""The firing section of a report."""

from collections.abc import Mapping
from typing import Any

from spikedense.analysis.energy import part_of
from spikedense.analysis.firing import FiringAlarms, FiringStatistics, summarise

_COUNTS = ('units', 'dead', 'always_on', 'elements')


def firing_section(statistics: Mapping[str, FiringStatistics], source: str) -> dict[str, Any]:
    """Return the firing of a model as plain values.

    Args:
        statistics: Name of each neuron -> its statistics.
        source: What the firing was measured on.

    Returns:
        ``source``, ``summary``, ``alarms`` (sentences) and ``neurons``: name, part and state of
        each neuron, and the fields of its statistics.
    """
    alarms = FiringAlarms()
    counted = {key: sum(getattr(s, key) for s in statistics.values()) for key in _COUNTS}
    return dict(
        source=source,
        summary={**summarise(statistics), 'counted': counted},
        alarms=alarms.check(statistics),
        neurons=[
            dict(name=name, part=part_of(name), state=_state(found, alarms), **_plain(found))
            for name, found in statistics.items()
        ],
    )


def _plain(found: FiringStatistics) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(found).items()}


def _state(found: FiringStatistics, alarms: FiringAlarms) -> str:
    """Say in a word what is wrong with a neuron."""
    if found.rate < alarms.min_rate:
        return 'silent'
    if found.dead / found.units > alarms.max_dead:
        return 'dead units'
    if found.saturated > alarms.max_saturated:
        return 'saturated'
    return 'always on' if found.always_on / found.units > alarms.max_always_on else 'normal'
