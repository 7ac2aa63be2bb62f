"""Data sets and transforms that mmseg and mmdet lack.

Those for mmdet are here only if mmdet can be imported.
"""

from spikedense.utils.ops_guard import has_mmdet_models

from .camvid import CamVidDataset
from .demo import DemoDataset
from .fit_into import FitInto

__all__ = ['CamVidDataset', 'DemoDataset', 'FitInto']

if has_mmdet_models():
    from .demo_coco import DemoInstanceDataset, DemoPanopticDataset
    from .panoptic import LoadPanopticAnnotations

    __all__ += ['DemoInstanceDataset', 'DemoPanopticDataset', 'LoadPanopticAnnotations']
