"""Metrics that mmseg and mmdet lack."""

from spikedense.utils.ops_guard import has_mmdet_models

from .class_iou_metric import ClassIoUMetric

__all__ = ['ClassIoUMetric']

if has_mmdet_models():
    from .panoptic_metric import PanopticMetric

    __all__ += ['PanopticMetric']
