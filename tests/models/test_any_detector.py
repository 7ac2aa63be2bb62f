"""A spiking backbone, averaged over time, drops into any detector of mmdet."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmdet.structures.mask import BitmapMasks
from mmengine.hub import get_config
from mmengine.registry import MODELS, init_default_scope
from mmengine.structures import InstanceData
from torch import nn

SIZE = (64, 96)
ARCH = dict(embed_dims=[16, 16, 24, 32], depths=[1] * 5, num_heads=4)
BACKBONES = {
    'SDTV2': dict(type='spikedense.SDTV2', T=2, neuron_cfg=dict(type='LIF')),
    'SDTV3': dict(type='spikedense.SDTV3', T=1, neuron_cfg=dict(type='NILIF', D=4)),
}
#: Configs of mmdet, and the taps that each reads: strides 4 to 32, or 8 to 32.
DETECTORS = {
    'faster_rcnn/faster-rcnn_r50_fpn_1x_coco.py': (1, 2, 3, 4),
    'mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py': (1, 2, 3, 4),
    'retinanet/retinanet_r50_fpn_1x_coco.py': (1, 2, 3, 4),
    'fcos/fcos_r50-caffe_fpn_gn-head_1x_coco.py': (1, 2, 3, 4),
    'rtmdet/rtmdet_tiny_8xb32-300e_coco.py': (2, 3, 4),
    'deformable_detr/deformable-detr_r50_16xb2-50e_coco.py': (2, 3, 4),
}


def detector(name: str, backbone: str) -> nn.Module:
    """A detector of mmdet with its backbone replaced, and nothing else but the neck's inputs."""
    taps = DETECTORS[name]
    model = get_config(f'mmdet::{name}').model
    model.backbone = dict(
        **BACKBONES[backbone], arch=ARCH, out_indices=taps, out_time='mean', stage4_stride=2
    )
    init_default_scope('mmdet')
    model.neck.in_channels = list(MODELS.build(copy.deepcopy(model.backbone)).out_channels)
    if 'rtmdet' in name:  # its large-batch augmentations are no part of the net
        model.data_preprocessor.batch_augments = None
    model.test_cfg.score_thr = 0.0
    if 'rcnn' in model.test_cfg:  # few proposals, for time
        model.test_cfg.rcnn.update(score_thr=0.0, max_per_img=10)
        model.train_cfg.rpn_proposal.max_per_img = model.test_cfg.rpn.max_per_img = 50
    built = MODELS.build(model)
    built.init_weights()
    return built


def batch(with_masks: bool) -> dict[str, Any]:
    """Two images with two boxes each."""
    samples = []
    for index in range(2):
        meta = dict(
            img_id=index,
            img_shape=SIZE,
            ori_shape=SIZE,
            pad_shape=SIZE,
            batch_input_shape=SIZE,
            scale_factor=(1.0, 1.0),
        )
        sample = DetDataSample(metainfo=meta)
        boxes = torch.tensor([[8.0, 8, 40, 30], [50, 20, 90, 60]])
        sample.gt_instances = InstanceData(bboxes=boxes, labels=torch.tensor([0, 7]))
        if with_masks:
            masks = np.zeros((2, *SIZE), dtype=np.uint8)
            for mask, (left, top, right, bottom) in zip(masks, boxes.int().tolist(), strict=True):
                mask[top:bottom, left:right] = 1
            sample.gt_instances.masks = BitmapMasks(masks, *SIZE)
        samples.append(sample)
    pixels = [torch.randint(256, (3, *SIZE), dtype=torch.uint8) for _ in samples]
    return dict(inputs=pixels, data_samples=samples)


@pytest.mark.parametrize('backbone', BACKBONES)
@pytest.mark.parametrize('name', DETECTORS, ids=lambda name: name.partition('/')[0])
def test_trains_a_step_and_predicts(name: str, backbone: str) -> None:
    model = detector(name, backbone)
    with_masks = 'mask_rcnn' in name
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    loss, _ = model.parse_losses(
        model(**model.data_preprocessor(batch(with_masks), True), mode='loss')
    )
    assert torch.isfinite(loss)
    loss.backward()
    stem = model.backbone.stages[0].downsample.conv.weight
    assert torch.isfinite(stem.grad).all() and stem.grad.abs().sum() > 0
    optimizer.step()
    model.eval()
    with torch.no_grad():
        found = model.test_step(batch(with_masks))
    assert len(found) == 2
    for sample in found:
        instances = sample.pred_instances
        assert len(instances) > 0
        assert instances.bboxes.shape == (len(instances), 4)
        assert torch.isfinite(instances.bboxes).all() and torch.isfinite(instances.scores).all()
        if with_masks:
            assert instances.masks.shape == (len(instances), *SIZE)


@pytest.mark.parametrize('backbone', BACKBONES)
def test_library_heads_get_contiguous_maps(backbone: str) -> None:
    """mmcv's RoIAlign would read a channels-last map wrongly, and silently, on a CPU.

    The mean over time gives them; what a backbone keeps for spiking heads is channels-last.
    """
    cfg = dict(**BACKBONES[backbone], arch=ARCH, out_time='mean')
    model = MODELS.build(cfg)
    with torch.no_grad():
        for x in model(torch.randn(2, 3, *SIZE)):
            assert x.dim() == 4 and x.is_contiguous()
