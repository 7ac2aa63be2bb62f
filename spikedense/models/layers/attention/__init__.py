"""Attention layers, one file for each kind."""

from .deformable import DeformSample, SpikeDrivenDeformableAttention
from .gated import GatedAttention
from .memory import AttentionMemory, spike_bits
from .multihead import SpikeMultiheadAttention
from .product import ORDERS, AttentionProduct, ProductAttention, attend
from .qk import QKChannelAttention, QKTokenAttention
from .sdsa import SpikeDrivenSelfAttention
from .self_attention import SpikeSelfAttention
from .ssa import SpikformerSelfAttention

__all__ = [
    'ORDERS',
    'AttentionMemory',
    'AttentionProduct',
    'DeformSample',
    'GatedAttention',
    'ProductAttention',
    'QKChannelAttention',
    'QKTokenAttention',
    'SpikeDrivenDeformableAttention',
    'SpikeDrivenSelfAttention',
    'SpikeMultiheadAttention',
    'SpikeSelfAttention',
    'SpikformerSelfAttention',
    'attend',
    'spike_bits',
]
