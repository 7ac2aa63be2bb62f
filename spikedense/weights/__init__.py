"""Read checkpoint files, compare them with a model, and load them."""

from .fit import WeightFit, check, fill, fit, load
from .read import Checkpoint, read_checkpoint, read_state_dict
from .settings import SETTINGS, keep_settings, other_settings, tell_sizes

__all__ = [
    'SETTINGS',
    'Checkpoint',
    'WeightFit',
    'check',
    'fill',
    'fit',
    'keep_settings',
    'load',
    'other_settings',
    'read_checkpoint',
    'read_state_dict',
    'tell_sizes',
]
