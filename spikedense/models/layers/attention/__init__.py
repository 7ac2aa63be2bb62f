"""Attention layers, one file for each kind."""

from .deformable import DeformSample, SpikeDrivenDeformableAttention
from .memory import AttentionMemory, spike_bits
from .multihead import SpikeMultiheadAttention
from .product import ORDERS, AttentionProduct, ProductAttention, attend
from .self_attention import SpikeSelfAttention

__all__ = [
    'ORDERS',
    'AttentionMemory',
    'AttentionProduct',
    'DeformSample',
    'ProductAttention',
    'SpikeDrivenDeformableAttention',
    'SpikeMultiheadAttention',
    'SpikeSelfAttention',
    'attend',
    'spike_bits',
]
