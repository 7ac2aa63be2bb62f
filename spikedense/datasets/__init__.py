"""Data sets and transforms that mmseg and mmdet lack."""

# mmengine imports this room for a config that names one of our classes.
from spikedense import checkpoint_files  # noqa: F401

from .camvid import CamVidDataset
from .demo import DemoDataset
from .demo_coco import DemoInstanceDataset, DemoPanopticDataset
from .fit_into import FitInto
from .labels import LoadAnnotations
from .panoptic import LoadPanopticAnnotations

__all__ = [
    'CamVidDataset',
    'DemoDataset',
    'DemoInstanceDataset',
    'DemoPanopticDataset',
    'FitInto',
    'LoadAnnotations',
    'LoadPanopticAnnotations',
]
