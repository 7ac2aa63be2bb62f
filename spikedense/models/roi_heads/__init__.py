"""RoI heads for mmdet's two-stage detectors."""

from .spike_bbox_head import SpikeConvFCBBoxHead
from .spike_fcn_mask_head import SpikeFCNMaskHead
from .spike_roi_extractor import SpikeRoIExtractor
from .spike_roi_head import SpikeCascadeRoIHead, SpikeStandardRoIHead

__all__ = [
    'SpikeCascadeRoIHead',
    'SpikeConvFCBBoxHead',
    'SpikeFCNMaskHead',
    'SpikeRoIExtractor',
    'SpikeStandardRoIHead',
]
