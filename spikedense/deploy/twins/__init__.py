"""Spike-driven twins: modules that compute the same from binary spikes, step by step."""

from .layers import AccumulatingLayer
from .products import (
    AccumulatedTotal,
    AccumulatingSynapse,
    ConcatenatedSpikes,
    PairedSpikes,
    SpikeAttentionProduct,
    SpikeDeformSample,
    SpikeMaskProduct,
)
from .table import build_twin, has_twin, known_classes, twin_of
from .train import SpikeTrain

__all__ = [
    'AccumulatedTotal',
    'AccumulatingLayer',
    'AccumulatingSynapse',
    'ConcatenatedSpikes',
    'PairedSpikes',
    'SpikeAttentionProduct',
    'SpikeDeformSample',
    'SpikeMaskProduct',
    'SpikeTrain',
    'build_twin',
    'has_twin',
    'known_classes',
    'twin_of',
]
