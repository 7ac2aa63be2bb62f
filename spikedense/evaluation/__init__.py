"""Metrics that mmseg and mmdet lack."""

# mmengine imports this room for a config that names one of our classes.
from spikedense import checkpoint_files  # noqa: F401

from .class_iou_metric import ClassIoUMetric
from .class_recall_metric import ClassRetrievalRecall
from .clip_iou_metric import ClipIoUMetric
from .label_map_metric import LabelMapMetric
from .panoptic_metric import PanopticMetric

__all__ = [
    'ClassIoUMetric',
    'ClassRetrievalRecall',
    'ClipIoUMetric',
    'LabelMapMetric',
    'PanopticMetric',
]
