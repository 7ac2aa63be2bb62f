"""Decode heads for mmseg."""

from .spike2former_head import Spike2FormerHead
from .spike_fpn_head import SpikeFPNHead

__all__ = ['Spike2FormerHead', 'SpikeFPNHead']
