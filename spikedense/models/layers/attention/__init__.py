"""Attention layers, one file for each kind."""

from .deformable import DeformSample, SpikeDrivenDeformableAttention
from .dynamics import DynamicsProduct
from .lrf import LRF
from .lrf_dyn import LRFDynamicAttention
from .lrf_ssa import LRFSelfAttention
from .memory import AttentionMemory, spike_bits
from .multihead import SpikeMultiheadAttention
from .product import ORDERS, AttentionProduct, ProductAttention, attend
from .self_attention import SpikeSelfAttention

__all__ = [
    'LRF',
    'ORDERS',
    'AttentionMemory',
    'AttentionProduct',
    'DeformSample',
    'DynamicsProduct',
    'LRFDynamicAttention',
    'LRFSelfAttention',
    'ProductAttention',
    'SpikeDrivenDeformableAttention',
    'SpikeMultiheadAttention',
    'SpikeSelfAttention',
    'attend',
    'spike_bits',
]
