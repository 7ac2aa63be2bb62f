"""Attention layers, one file for each kind."""

from .deformable import DeformSample, SpikeDrivenDeformableAttention
from .multihead import SpikeMultiheadAttention
from .product import ORDERS, AttentionProduct, ProductAttention, attend
from .self_attention import SpikeSelfAttention

__all__ = [
    'ORDERS',
    'AttentionProduct',
    'DeformSample',
    'ProductAttention',
    'SpikeDrivenDeformableAttention',
    'SpikeMultiheadAttention',
    'SpikeSelfAttention',
    'attend',
]
