"""Blocks that several models share. Maps are ``[T, B, C, H, W]`` throughout."""

from .attention import AttentionProduct, SpikeMultiheadAttention, SpikeSelfAttention
from .blocks import SpikeConvBlock, SpikeTransformerBlock
from .channel_mixers import ChannelConv, ChannelMLP
from .checkpoint import checkpoint_block
from .drop_path import DropPath
from .head_neuron import head_neuron
from .legacy import map_as_tokens, tokens_as_map
from .position import sine_positions
from .rep_conv import BorderNorm, RepConv
from .sep_conv import SpikeSeparableConv
from .spike_conv import SpikeConv, SpikeDeconv
from .spike_linear import SpikeLinear
from .time import fold_time, mean_over_time, over_time, unfold_time, with_time

__all__ = [
    'AttentionProduct',
    'BorderNorm',
    'ChannelConv',
    'ChannelMLP',
    'DropPath',
    'RepConv',
    'SpikeConv',
    'SpikeConvBlock',
    'SpikeDeconv',
    'SpikeLinear',
    'SpikeMultiheadAttention',
    'SpikeSelfAttention',
    'SpikeSeparableConv',
    'SpikeTransformerBlock',
    'checkpoint_block',
    'fold_time',
    'head_neuron',
    'map_as_tokens',
    'mean_over_time',
    'over_time',
    'sine_positions',
    'tokens_as_map',
    'unfold_time',
    'with_time',
]
