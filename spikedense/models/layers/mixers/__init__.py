"""Mixers, the branches of a block, built from configs: one file for each kind."""

from .build import MixerCfg, Shortcut, build_mixer, per_stage
from .channel import ChannelConv, ChannelMLP
from .convnext import SpikeConvNeXt
from .depthwise import SpikeDepthwiseConv
from .groupwise import GroupwiseFFN
from .mlpixer import MLPixer
from .separable import SpikeSeparableConv
from .splash import SpikeStripLinear
from .srb import SRB

__all__ = [
    'SRB',
    'ChannelConv',
    'ChannelMLP',
    'GroupwiseFFN',
    'MLPixer',
    'MixerCfg',
    'Shortcut',
    'SpikeConvNeXt',
    'SpikeDepthwiseConv',
    'SpikeSeparableConv',
    'SpikeStripLinear',
    'build_mixer',
    'per_stage',
]
