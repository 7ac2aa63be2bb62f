"""Mixers, the branches of a block, built from configs: one file for each kind."""

from .build import MixerCfg, Shortcut, build_mixer, per_stage
from .channel import ChannelConv, ChannelMLP
from .separable import SpikeSeparableConv

__all__ = [
    'ChannelConv',
    'ChannelMLP',
    'MixerCfg',
    'Shortcut',
    'SpikeSeparableConv',
    'build_mixer',
    'per_stage',
]
