"""Attention layers, one file for each kind."""

from .channel_gate import SpikeChannelGate
from .deformable import DeformSample, SpikeDrivenDeformableAttention
from .dssa import DualSpikeSelfAttention, RealSpikeProduct
from .dynamics import DynamicsProduct
from .gated import GatedAttention
from .grid import SpikeGridAttention
from .lrf import LRF
from .lrf_dyn import LRFDynamicAttention
from .lrf_ssa import LRFSelfAttention
from .memory import AttentionMemory, spike_bits
from .multihead import SpikeMultiheadAttention
from .product import ORDERS, AttentionProduct, ProductAttention, attend
from .qk import QKChannelAttention, QKTokenAttention
from .sdsa import SpikeDrivenSelfAttention
from .self_attention import SpikeSelfAttention
from .ssa import SpikformerSelfAttention

__all__ = [
    'LRF',
    'ORDERS',
    'AttentionMemory',
    'AttentionProduct',
    'DeformSample',
    'DualSpikeSelfAttention',
    'DynamicsProduct',
    'GatedAttention',
    'LRFDynamicAttention',
    'LRFSelfAttention',
    'ProductAttention',
    'QKChannelAttention',
    'QKTokenAttention',
    'RealSpikeProduct',
    'SpikeChannelGate',
    'SpikeDrivenDeformableAttention',
    'SpikeDrivenSelfAttention',
    'SpikeGridAttention',
    'SpikeMultiheadAttention',
    'SpikeSelfAttention',
    'SpikformerSelfAttention',
    'attend',
    'spike_bits',
]
