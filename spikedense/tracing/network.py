"""Runs a model from images to logits, whatever library it belongs to."""

import inspect
from contextlib import nullcontext
from typing import Any

from mmengine.structures import BaseDataElement, InstanceData
from torch import Tensor, nn


def network_outputs(
    model: nn.Module, images: Tensor, boxes: Tensor | None = None, trace: Any = None
) -> tuple[Tensor, ...]:
    """The logits of a model: what its weights compute, before anything is decoded.

    A mask classifier reads the masks of its last layer alone, as it does for a prediction. The
    second stage of a detector sees the boxes that the first one proposes, its mask head the first
    hundred of them (mmdet's convention).

    Args:
        model: a segmentor, detector or classifier in eval mode, or any module of images.
        images: normalised images, ``[B, C, H, W]``.
        boxes: corners of boxes for the second stage, the same for each image, ``[N, 4]``, in
            place of proposals.
        trace: a running :class:`OperationTrace`, which then does not see how proposals are made.

    Returns:
        All outputs, flat, in the order of the heads.
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
    """What a model answers; mmdet's mask classifiers ask for the images' sizes."""
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
    # mmcv's suppression of overlapping boxes knows no float64.
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
