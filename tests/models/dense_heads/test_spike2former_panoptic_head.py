"""Spike2Former as the head of mmdet's MaskFormer: both kinds of losses, both kinds of results."""

import copy
from collections.abc import Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from contract import wake
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.config import ConfigDict
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData, PixelData
from torch import nn

SIZE = (64, 96)
MIXED = ((60, 80), (50, 91))
PADDED = (60, 91)  # no multiple of the strides
THINGS, STUFF = 3, 2

COSTS = [
    dict(type='ClassificationCost', weight=1.0),
    dict(type='FocalLossCost', weight=20.0, binary_input=True),
    dict(type='DiceCost', weight=1.0, pred_act=True, eps=1.0),
]
POINT_COSTS = [
    dict(type='ClassificationCost', weight=2.0),
    dict(type='CrossEntropyLossCost', weight=5.0, use_sigmoid=True),
    dict(type='DiceCost', weight=5.0, pred_act=True, eps=1.0),
]
DICE = dict(type='DiceLoss', use_sigmoid=True, activate=True, naive_dice=True, eps=1.0)
LOSSES = {
    'Spike2FormerPanopticHead': (
        COSTS,
        dict(type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=20.0),
    ),
    'Spike2FormerPointHead': (
        POINT_COSTS,
        dict(type='CrossEntropyLoss', use_sigmoid=True, loss_weight=5.0),
    ),
}
heads = pytest.mark.parametrize('head', LOSSES)


def detector(head: str, num_stuff: int = STUFF, **test_cfg: Any) -> nn.Module:
    """A small MaskFormer with a spiking backbone and head."""
    costs, loss_mask = LOSSES[head]
    init_default_scope('mmdet')
    return MODELS.build(
        ConfigDict(
            type='MaskFormer',
            data_preprocessor=dict(type='DetDataPreprocessor', pad_mask=True, pad_seg=True),
            backbone=dict(
                type='spikedense.SDTV3',
                arch=dict(embed_dims=(16, 16, 24, 32), depths=(1,) * 5, num_heads=4),
            ),
            panoptic_head=dict(
                type=f'spikedense.{head}',
                in_channels=[8, 16, 16, 32],
                feat_channels=16,
                out_channels=16,
                num_things_classes=THINGS,
                num_stuff_classes=num_stuff,
                num_queries=12,
                pixel_decoder=dict(
                    type='spikedense.SDTEPixelDecoder',
                    encoder=dict(num_layers=1, mlp_ratio=2, attn_cfg=dict(num_groups=4)),
                ),
                transformer_decoder=dict(num_layers=2, num_heads=4, mlp_ratio=2),
                loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False),
                loss_mask=loss_mask,
                loss_dice=DICE,
            ),
            panoptic_fusion_head=dict(
                type='MaskFormerFusionHead',
                num_things_classes=THINGS,
                num_stuff_classes=num_stuff,
                loss_panoptic=None,
            ),
            train_cfg=dict(
                num_points=64,
                assigner=dict(type='HungarianAssigner', match_costs=costs),
                sampler=dict(type='MaskPseudoSampler'),
            ),
            test_cfg=dict(
                panoptic_on=False,
                semantic_on=False,
                instance_on=False,
                max_per_image=5,
                object_mask_thr=0.0,
                iou_thr=0.0,
                filter_low_score=False,
            )
            | test_cfg,
        )
    )


def batch(
    num_stuff: int = STUFF, sizes: Sequence[tuple[int, int]] = (SIZE, SIZE)
) -> dict[str, Any]:
    """Images of some sizes with two instances each, over stuff."""
    images, samples = [], []
    for i, size in enumerate(sizes):
        images.append(torch.randint(256, (3, *size), dtype=torch.uint8))
        sample = DetDataSample(
            metainfo=dict(img_shape=size, ori_shape=size, scale_factor=(1.0, 1.0), img_id=i)
        )
        masks = torch.zeros(2, *size, dtype=torch.uint8)
        masks[0, 8:30, 8:40] = 1
        masks[1, 34:60, 50:90] = 1
        sample.gt_instances = InstanceData(
            labels=torch.tensor([0, 2]), masks=BitmapMasks(masks.numpy(), *size)
        )
        if num_stuff:
            stuff = torch.full((1, *size), THINGS)
            stuff[:, 32:] = THINGS + 1
            sample.gt_sem_seg = PixelData(sem_seg=stuff)
        samples.append(sample)
    return dict(inputs=images, data_samples=samples)


@heads
@pytest.mark.parametrize('num_stuff', [STUFF, 0], ids=['panoptic', 'instance'])
def test_losses(head: str, num_stuff: int) -> None:
    model = wake(detector(head, num_stuff), torch.randn(2, 3, *SIZE)).train()
    data = model.data_preprocessor(batch(num_stuff), True)
    losses = model(**data, mode='loss')
    assert len(losses) == 9  # three kinds, of the start and of two layers
    sum(losses.values()).backward()
    head_module = model.panoptic_head
    for module in (head_module.cls_embed, head_module.mask_embed.fc_out, head_module.query_feat):
        assert module.weight.grad.isfinite().all() and module.weight.grad.abs().max() > 0


@heads
@pytest.mark.parametrize('num_stuff', [STUFF, 0], ids=['panoptic', 'instance'])
def test_batch_of_mixed_sizes_trains(head: str, num_stuff: int) -> None:
    model = wake(detector(head, num_stuff), torch.randn(2, 3, *SIZE)).train()
    data = model.data_preprocessor(batch(num_stuff, MIXED), True)
    assert data['inputs'].shape[-2:] == PADDED
    losses = model(**data, mode='loss')
    assert len(losses) == 9
    assert all(loss.isfinite() for loss in losses.values())
    sum(losses.values()).backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


@heads
def test_each_image_has_masks_of_its_own_size(head: str) -> None:
    model = wake(detector(head, panoptic_on=True, instance_on=True), torch.randn(2, 3, *SIZE))
    features = model.panoptic_head.pixel_decoder.mask_conv.conv
    nn.init.normal_(features.weight)  # masks of both signs
    nn.init.zeros_(features.bias)
    data = batch(sizes=MIXED)
    with torch.no_grad():
        inputs = model.data_preprocessor(copy.deepcopy(data), False)['inputs']
        masks = model.panoptic_head(model.extract_feat(inputs))[1][-1]
        results = model.test_step(data)
    masks = F.interpolate(masks, PADDED, mode='bilinear') > 0
    for result, own, (height, width) in zip(results, masks, MIXED, strict=True):
        assert result.pred_panoptic_seg.sem_seg.shape == (1, height, width)
        own = own[:, :height, :width]
        found = result.pred_instances.masks
        assert found.shape[1:] == (height, width) and len(found) > 0
        assert found.any() and not found.all()
        assert all((mask == own).all(-1).all(-1).any() for mask in found)


@heads
def test_only_the_last_masks_are_computed_for_a_prediction(head: str) -> None:
    model = wake(detector(head, panoptic_on=True), torch.randn(2, 3, *SIZE))
    seen = []
    model.panoptic_head.cls_embed.register_forward_hook(lambda *call: seen.append(call[-1].size(0)))
    with torch.no_grad():
        model.test_step(batch())
        model.panoptic_head(model.extract_feat(torch.randn(2, 3, *SIZE)))
    assert seen == [2, 6]  # two images: of the last state, of all three


@heads
def test_panoptic_segments(head: str) -> None:
    model = wake(detector(head, panoptic_on=True), torch.randn(2, 3, *SIZE))
    with torch.no_grad():
        result = model.test_step(batch())[0]
    segments = result.pred_panoptic_seg.sem_seg
    assert segments.shape == (1, *SIZE)
    assert set((segments % 1000).unique().tolist()) <= set(range(THINGS + STUFF + 1))


@heads
def test_instances(head: str) -> None:
    model = wake(detector(head, 0, instance_on=True), torch.randn(2, 3, *SIZE))
    with torch.no_grad():
        result = model.test_step(batch(0))[0].pred_instances
    assert len(result) == 5
    assert result.masks.shape == (5, *SIZE) and result.labels.max() < THINGS
    assert result.bboxes.shape == (5, 4) and result.scores.isfinite().all()
