"""Layers and blocks that several models share. Maps are ``[T, B, C, H, W]`` in all of them.

``neuron_cfg``, ``norm_cfg`` and ``init_cfg`` are the configs of the neuron, of the norm and of
mmengine's initialisation. Layers pass neuron and norm on to their parts unchanged.
"""

from .attention import (
    AttentionProduct,
    DeformSample,
    DualSpikeSelfAttention,
    DynamicsProduct,
    GatedAttention,
    LRFDynamicAttention,
    LRFSelfAttention,
    ProductAttention,
    QKChannelAttention,
    QKTokenAttention,
    RealSpikeProduct,
    SpikeChannelGate,
    SpikeDrivenDeformableAttention,
    SpikeDrivenSelfAttention,
    SpikeGridAttention,
    SpikeMultiheadAttention,
    SpikeSelfAttention,
    SpikformerSelfAttention,
)
from .balance import BranchBalance
from .blocks import LayerScale, SpikeBlock, SpikeSumBlock
from .checkpoint import checkpoint_block
from .drop_path import DropPath
from .entry_neuron import entry_neuron
from .folding import out_layer, scale_output
from .frame_difference import FrameDifference
from .head_neuron import head_neuron
from .legacy import map_as_tokens, tokens_as_map
from .mixers import (
    SRB,
    ChannelConv,
    ChannelMLP,
    GroupwiseFFN,
    MixerCfg,
    MLPixer,
    Shortcut,
    SpikeConvNeXt,
    SpikeDepthwiseConv,
    SpikeSeparableConv,
    SpikeStripLinear,
    build_mixer,
    per_stage,
)
from .position import sine_positions
from .rep_conv import BorderNorm, RepConv, SpikeRepConv
from .resize import resize_maps
from .running_rate import RunningRate
from .spike_conv import SpikeConv, SpikeDeconv
from .spike_linear import SpikeLinear
from .spike_pool import SpikeMaxPool, SpikePad
from .spike_product import (
    PooledSpikeProduct,
    SpikeInhibition,
    SpikeProduct,
    SpikeTotal,
    pool_tokens,
)
from .spike_sum import SpikeSum, SpikeTap
from .stacked_conv import SpikeStackedConv
from .temporal_branch import TemporalBranch
from .time import fold_time, mean_over_time, over_time, unfold_time, with_time
from .weighted_neurons import DCL, MixedMBPL

__all__ = [
    'DCL',
    'SRB',
    'AttentionProduct',
    'BorderNorm',
    'BranchBalance',
    'ChannelConv',
    'ChannelMLP',
    'DeformSample',
    'DropPath',
    'DualSpikeSelfAttention',
    'DynamicsProduct',
    'FrameDifference',
    'GatedAttention',
    'GroupwiseFFN',
    'LRFDynamicAttention',
    'LRFSelfAttention',
    'LayerScale',
    'MLPixer',
    'MixedMBPL',
    'MixerCfg',
    'PooledSpikeProduct',
    'ProductAttention',
    'QKChannelAttention',
    'QKTokenAttention',
    'RealSpikeProduct',
    'RepConv',
    'RunningRate',
    'Shortcut',
    'SpikeBlock',
    'SpikeChannelGate',
    'SpikeConv',
    'SpikeConvNeXt',
    'SpikeDeconv',
    'SpikeDepthwiseConv',
    'SpikeDrivenDeformableAttention',
    'SpikeDrivenSelfAttention',
    'SpikeGridAttention',
    'SpikeInhibition',
    'SpikeLinear',
    'SpikeMaxPool',
    'SpikeMultiheadAttention',
    'SpikePad',
    'SpikeProduct',
    'SpikeRepConv',
    'SpikeSelfAttention',
    'SpikeSeparableConv',
    'SpikeStackedConv',
    'SpikeStripLinear',
    'SpikeSum',
    'SpikeSumBlock',
    'SpikeTap',
    'SpikeTotal',
    'SpikformerSelfAttention',
    'TemporalBranch',
    'build_mixer',
    'checkpoint_block',
    'entry_neuron',
    'fold_time',
    'head_neuron',
    'map_as_tokens',
    'mean_over_time',
    'out_layer',
    'over_time',
    'per_stage',
    'pool_tokens',
    'resize_maps',
    'scale_output',
    'sine_positions',
    'tokens_as_map',
    'unfold_time',
    'with_time',
]
