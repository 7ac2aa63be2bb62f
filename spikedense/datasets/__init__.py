"""Data sets that mmseg and mmdet lack."""

from .camvid import CamVidDataset
from .demo import DemoDataset

__all__ = ['CamVidDataset', 'DemoDataset']
