"""Firing statistics of a model: the meter, the files that hold statistics, and alarms."""

from .alarms import FiringAlarms, summarise
from .files import read_statistics, require_known_suffix, write_statistics
from .meter import FiringMeter, FiringStatistics

__all__ = [
    'FiringAlarms',
    'FiringMeter',
    'FiringStatistics',
    'read_statistics',
    'require_known_suffix',
    'summarise',
    'write_statistics',
]
