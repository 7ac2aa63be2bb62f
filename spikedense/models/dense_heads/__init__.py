"""Heads for mmdet."""

from .spike2former_panoptic_head import Spike2FormerPanopticHead, Spike2FormerPointHead
from .spike_retina_head import SpikeRetinaHead
from .spike_rpn_head import SpikeRPNHead

__all__ = [
    'Spike2FormerPanopticHead',
    'Spike2FormerPointHead',
    'SpikeRPNHead',
    'SpikeRetinaHead',
]
