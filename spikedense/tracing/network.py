"""Runs a model of mmseg, mmdet or mmpretrain from images to logits."""

import inspect
from contextlib import nullcontext
from typing import Any

from mmengine.structures import BaseDataElement, InstanceData
from torch import Tensor, nn


def network_outputs(
    model: nn.Module, images: Tensor, boxes: Tensor | None = None, trace: Any = None
) -> tuple[Tensor, ...]:
    """Return the logits of a model, before any decoding.

    A mask classifier computes masks after its last layer only, as in prediction. The second stage
    of a detector reads the boxes that the first stage proposes. The mask head reads the first
    hundred boxes (mmdet's convention).

    Args:
        model: A segmentor, detector or classifier in eval mode, or any module that reads images.
        images: Normalised images, ``[B, C, H, W]``.
        boxes: Corners of boxes, ``[N, 4]``, the same for each image; the second stage reads them
            instead of proposals.
        trace: A running :class:`OperationTrace`; it does not record how proposals are made.

    Returns:
        All outputs in one flat tuple, in the order of the heads.
    """
    if not hasattr(model, 'roi_head'):
        with _last_masks_only(model):
            return tuple(_flat(_one_stage(model, images)))
    net: Any = model
    features = net.extract_feat(images)
    first = net.rpn_head(features) if hasattr(net, 'rpn_head') else ()
    with trace.paused() if trace is not None else nullcontext():
        proposals = _proposals(net, first, images, boxes)
    second = net.roi_head(features, proposals)
    return (*_flat(first), *_flat(second))


def _one_stage(model: Any, images: Tensor) -> Any:
    """Run a model of one stage; mask classifiers of mmdet also need the sizes of the images."""
    head = getattr(model, 'decode_head', None) or getattr(model, 'panoptic_head', None)
    if head is None or 'batch_data_samples' not in inspect.signature(head.forward).parameters:
        return model(images)
    size = tuple(images.shape[-2:])
    metas = dict(batch_input_shape=size, img_shape=size, pad_shape=size)
    samples = [BaseDataElement(metainfo=metas) for _ in images]
    return head(model.extract_feat(images), samples)


def _proposals(net: Any, first: Any, images: Tensor, boxes: Tensor | None) -> list[Any]:
    if boxes is not None:
        return [InstanceData(bboxes=boxes.to(images)) for _ in images]
    shape = tuple(images.shape[-2:])
    metas = [dict(img_shape=shape, scale_factor=(1.0, 1.0)) for _ in images]
    # mmcv's non-maximum suppression does not support float64.
    logits = [[level.float() for level in levels] for levels in first]
    found = net.rpn_head.predict_by_feat(*logits, batch_img_metas=metas, cfg=net.test_cfg.rpn)
    return [InstanceData(bboxes=proposals.bboxes.to(images)) for proposals in found]


def _last_masks_only(model: Any) -> Any:
    head: Any = getattr(model, 'decode_head', None) or getattr(model, 'panoptic_head', None)
    return head.last_state_only() if hasattr(head, 'last_state_only') else nullcontext()


def _flat(out: Any) -> list[Tensor]:
    if isinstance(out, Tensor):
        return [out]
    if isinstance(out, dict):
        out = list(out.values())
    if isinstance(out, tuple | list):
        return [x for part in out for x in _flat(part)]
    return []
