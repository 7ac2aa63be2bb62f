"""Blocks that several models share. Maps are ``[T, B, C, H, W]`` throughout."""

from .attention import SpikeSelfAttention
from .blocks import SpikeConvBlock, SpikeTransformerBlock
from .channel_mixers import ChannelConv, ChannelMLP
from .checkpoint import checkpoint_block
from .drop_path import DropPath
from .rep_conv import BorderNorm, RepConv
from .sep_conv import SpikeSepConv
from .spike_conv import SpikeConv
from .time import fold_time, unfold_time

__all__ = [
    'BorderNorm',
    'ChannelConv',
    'ChannelMLP',
    'DropPath',
    'RepConv',
    'SpikeConv',
    'SpikeConvBlock',
    'SpikeSelfAttention',
    'SpikeSepConv',
    'SpikeTransformerBlock',
    'checkpoint_block',
    'fold_time',
    'unfold_time',
]
