"""Read checkpoint files, compare them with a model, and load them."""

from .fit import WeightFit, check, fill, fit, load
from .official import CONVERTED_FROM, convert_official, describe_official
from .read import Checkpoint, read_checkpoint, read_state_dict
from .settings import SETTINGS, keep_settings, other_settings, tell_sizes

__all__ = [
    'CONVERTED_FROM',
    'SETTINGS',
    'Checkpoint',
    'WeightFit',
    'check',
    'convert_official',
    'describe_official',
    'fill',
    'fit',
    'keep_settings',
    'load',
    'other_settings',
    'read_checkpoint',
    'read_state_dict',
    'tell_sizes',
]
