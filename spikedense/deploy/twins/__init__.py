"""Spike-driven twins: modules that compute the same from binary spikes, step by step."""

from .dynamics import SpikeDynamicsProduct
from .layers import AccumulatingLayer
from .products import (
    AccumulatedProduct,
    AccumulatedTotal,
    AccumulatingSynapse,
    AccumulatingTap,
    ConcatenatedSpikes,
    InhibitedSpikes,
    PairedSpikes,
    SpikeAttentionProduct,
    SpikeDeformSample,
    SpikeMaskProduct,
)
from .table import build_twin, has_twin, known_classes, twin_of
from .train import SpikeTrain

__all__ = [
    'AccumulatedProduct',
    'AccumulatedTotal',
    'AccumulatingLayer',
    'AccumulatingSynapse',
    'AccumulatingTap',
    'ConcatenatedSpikes',
    'InhibitedSpikes',
    'PairedSpikes',
    'SpikeAttentionProduct',
    'SpikeDeformSample',
    'SpikeDynamicsProduct',
    'SpikeMaskProduct',
    'SpikeTrain',
    'build_twin',
    'has_twin',
    'known_classes',
    'twin_of',
]
