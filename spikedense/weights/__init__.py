"""Read checkpoint files, compare them with a model, and load them."""

from .fit import WeightFit, check, fill, fit, load
from .read import Checkpoint, read_checkpoint, read_state_dict

__all__ = [
    'Checkpoint',
    'WeightFit',
    'check',
    'fill',
    'fit',
    'load',
    'read_checkpoint',
    'read_state_dict',
]
