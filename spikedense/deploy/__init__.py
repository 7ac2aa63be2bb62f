"""Prepares a trained model for use: folding, spike-driven inference, export."""

from spikedense.utils.answers import Folding

from .fold import fold
from .spike_inference import to_spike_inference
from .twins import twin_of
from .verify import RealMultiplication, real_multiplications

__all__ = [
    'Folding',
    'RealMultiplication',
    'fold',
    'real_multiplications',
    'to_spike_inference',
    'twin_of',
]
