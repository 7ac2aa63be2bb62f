"""Pre-training without labels, for mmpretrain."""

from .mae_decoder import MAEDecoder
from .spike_mae import SpikeMAE

__all__ = ['MAEDecoder', 'SpikeMAE']
