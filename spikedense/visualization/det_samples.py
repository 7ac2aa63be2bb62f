"""Data samples of mmdet in the form that its visualizer can draw."""

from typing import Any

import numpy as np
import torch
from mmdet.evaluation import INSTANCE_OFFSET
from mmdet.structures import DetDataSample
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from torch import Tensor


def drawn_prediction(
    sample: BaseDataElement, num_classes: int, score_thr: float, factor: int = 1
) -> DetDataSample:
    """Return what is drawn of a prediction.

    Args:
        sample: A data sample with a prediction.
        num_classes: Number of classes; the label of void in panoptic maps.
        score_thr: The lowest score of an instance.
        factor: The prediction is enlarged by this factor.

    Returns:
        A sample with segments, or with the instances that :func:`visible` keeps.
    """
    drawn = DetDataSample()
    if 'pred_panoptic_seg' in sample:
        # The instances of the sample are not drawn as well, because they overlap the segments.
        # mmdet cannot draw a map without segments.
        ids = sample.pred_panoptic_seg.sem_seg.cpu()  # [1, H, W]
        if segment_ids(ids.numpy(), num_classes):
            drawn.pred_panoptic_seg = PixelData(sem_seg=_enlarged(ids, factor))
    elif 'pred_instances' in sample:
        found = visible(sample.pred_instances, score_thr).cpu()
        drawn.pred_instances = _enlarged_instances(found, factor)
    return drawn


def drawn_truth(sample: BaseDataElement, factor: int = 1) -> DetDataSample | None:
    """Return what is drawn of the labels of a sample.

    Args:
        sample: A data sample, maybe with labels.
        factor: The labels are enlarged by this factor.

    Returns:
        A sample with labels; None without labels.
    """
    drawn = DetDataSample()
    if 'gt_instances' in sample and len(sample.gt_instances):
        drawn.gt_instances = _enlarged_instances(sample.gt_instances.cpu(), factor)
    if 'gt_sem_seg' in sample:
        drawn.gt_sem_seg = PixelData(sem_seg=_enlarged(sample.gt_sem_seg.sem_seg.cpu(), factor))
    return drawn if len(drawn.keys()) or 'gt_instances' in sample else None


def visible(instances: InstanceData, score_thr: float) -> InstanceData:
    """Return the instances whose score reaches a threshold, without those of an empty mask.

    Args:
        instances: Instances with scores.
        score_thr: The threshold.
    """
    found = instances[instances.scores >= score_thr]
    return found[found.masks.flatten(1).any(1)] if 'masks' in found else found


def segment_ids(ids: np.ndarray, num_classes: int) -> list[int]:
    """Return the ids in mmdet's panoptic map; the id of void is the number of classes.

    Args:
        ids: The map, of any shape.
        num_classes: Number of classes.
    """
    return [int(i) for i in np.unique(ids) if i % INSTANCE_OFFSET != num_classes]


def labels_of(drawn: DetDataSample, num_classes: int) -> set[int]:
    """Return the labels of the classes that a sample shows.

    Args:
        drawn: What :func:`drawn_prediction` or :func:`drawn_truth` returned.
        num_classes: Number of classes.
    """
    found: set[int] = set()
    for key in ('gt_instances', 'pred_instances'):
        if key in drawn:
            found |= {int(label) for label in drawn.get(key).labels}
    if 'pred_panoptic_seg' in drawn:
        ids = segment_ids(drawn.pred_panoptic_seg.sem_seg.numpy(), num_classes)
        found |= {number % INSTANCE_OFFSET for number in ids}
    if 'gt_sem_seg' in drawn:
        found |= {int(label) for label in drawn.gt_sem_seg.sem_seg.unique()}
    return {label for label in found if 0 <= label < num_classes}


def void_of(drawn: DetDataSample, num_classes: int) -> np.ndarray:
    """Return the pixels that have no label in a label map of all classes.

    Args:
        drawn: What :func:`drawn_truth` returned.
        num_classes: Number of classes.

    Returns:
        Boolean, ``[H, W]``; ``[1, 1]`` and False without such a map.
    """
    if 'gt_sem_seg' not in drawn:
        return np.zeros((1, 1), bool)
    return (drawn.gt_sem_seg.sem_seg[0] >= num_classes).numpy()


def _enlarged_instances(instances: InstanceData, factor: int) -> InstanceData:
    """Return instances with plain boxes and masks, enlarged."""
    drawn = InstanceData(**{k: instances[k] for k in ('labels', 'scores') if k in instances})
    boxes, masks = instances.get('bboxes'), instances.get('masks')
    if boxes is not None:
        drawn.bboxes = getattr(boxes, 'tensor', boxes) * factor
    if masks is not None:
        # Labels have masks of mmdet's own classes, predictions have tensors.
        plain: Any = masks if isinstance(masks, Tensor) else torch.from_numpy(masks.to_ndarray())
        drawn.masks = _enlarged(plain.bool(), factor)
    return drawn


def _enlarged(maps: Tensor, factor: int) -> Tensor:
    """Enlarge maps ``[N, H, W]``."""
    if factor == 1:
        return maps
    return maps.repeat_interleave(factor, 1).repeat_interleave(factor, 2)
