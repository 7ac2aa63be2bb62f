"""Metrics that mmseg and mmdet lack."""

from .class_iou_metric import ClassIoUMetric
from .panoptic_metric import PanopticMetric

__all__ = ['ClassIoUMetric', 'PanopticMetric']
