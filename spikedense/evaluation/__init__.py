"""Metrics that mmseg and mmdet lack."""

from .class_iou_metric import ClassIoUMetric
from .label_map_metric import LabelMapMetric
from .panoptic_metric import PanopticMetric

__all__ = ['ClassIoUMetric', 'LabelMapMetric', 'PanopticMetric']
