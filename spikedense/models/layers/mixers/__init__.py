"""Mixers, the branches of a block: one file a kind, built from configs."""

from .build import MixerCfg, build_mixer, per_stage
from .channel import ChannelConv, ChannelMLP
from .separable import SpikeSeparableConv

__all__ = [
    'ChannelConv',
    'ChannelMLP',
    'MixerCfg',
    'SpikeSeparableConv',
    'build_mixer',
    'per_stage',
]
