"""From a trained model to what runs: folding, spike-driven inference, export."""

from .fold import Folding, fold
from .spike_inference import to_spike_inference
from .verify import RealMultiplication, real_multiplications

__all__ = [
    'Folding',
    'RealMultiplication',
    'fold',
    'real_multiplications',
    'to_spike_inference',
]
