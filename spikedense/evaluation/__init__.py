"""Metrics that mmseg and mmdet lack."""

from spikedense.utils.ops_guard import has_mmdet_models

__all__ = []

if has_mmdet_models():
    from .panoptic_metric import PanopticMetric

    __all__ += ['PanopticMetric']
