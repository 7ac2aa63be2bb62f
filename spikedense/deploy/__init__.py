"""Prepares a trained model for use: folding, spike-driven inference, export."""

from spikedense.utils.answers import Folding

from .fold import fold
from .saved_twin import as_saved, is_twin, save_twin
from .spike_inference import to_spike_inference
from .twins import twin_of
from .verify import RealMultiplication, real_multiplications

__all__ = [
    'Folding',
    'RealMultiplication',
    'as_saved',
    'fold',
    'is_twin',
    'real_multiplications',
    'save_twin',
    'to_spike_inference',
    'twin_of',
]
