"""A training step on images without a box to learn: losses and gradients stay finite."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.hub import get_config
from mmengine.registry import DATASETS, MODELS, init_default_scope
from PIL import Image
from reduced_models import reduced_config
from torch import nn

from spikedense.checks.dataset import with_checks
from spikedense.datasets.demo_scenes import THING_CLASSES
from spikedense.utils.config_path import config_root, list_configs

SIZE = (64, 96)  # height, width
STOCK = ('mask-rcnn_r50_fpn',)
#: One config a family; their variants differ in nothing that a missing box would reach.
OURS = [
    name
    for name in list_configs()
    if re.search(r'/(mask-rcnn|retinanet|spike2former)_sdtv3-demo_.*demo-instance', name)
]
#: Boxes, each with whether it is a crowd. mmdet skips boxes of less than a pixel.
IMAGES = {
    'no box': [],
    'crowds only': [([10, 10, 40, 30], 1), ([0, 0, 96, 64], 1)],
    'a pixel in the corner': [([95, 63, 1, 1], 0)],
    'a box that ends outside': [([80, 50, 100, 100], 0)],
    'an ordinary box': [([20, 12, 40, 30], 0)],
}


@pytest.fixture(scope='module')
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images and their COCO file."""
    root = tmp_path_factory.mktemp('boxes')
    content: dict[str, list] = dict(images=[], annotations=[])
    content['categories'] = [dict(id=i + 1, name=name) for i, name in enumerate(THING_CLASSES)]
    rng = np.random.default_rng(0)
    for number, boxes in enumerate(IMAGES.values()):
        image = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        Image.fromarray(image).save(root / f'{number}.png')
        content['images'].append(
            dict(id=number, file_name=f'{number}.png', height=SIZE[0], width=SIZE[1])
        )
        for (x, y, w, h), iscrowd in boxes:
            content['annotations'].append(
                dict(
                    id=len(content['annotations']),
                    image_id=number,
                    category_id=1,
                    bbox=[x, y, w, h],
                    area=w * h,
                    iscrowd=iscrowd,
                    segmentation=[[x, y, x + w, y, x + w, y + h, x, y + h]],
                )
            )
    (root / 'a.json').write_text(json.dumps(content))
    return root


def batch_of(root: Path, names: list[str]) -> dict[str, Any]:
    """The named images as a loader hands them to a model."""
    init_default_scope('mmdet')
    dataset = DATASETS.build(
        with_checks(
            dict(
                type='CocoDataset',
                data_root=str(root),
                ann_file='a.json',
                data_prefix=dict(img='./'),
                metainfo=dict(classes=THING_CLASSES),
                filter_cfg=dict(filter_empty_gt=False),
                pipeline=[
                    dict(type='LoadImageFromFile'),
                    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
                    dict(type='PackDetInputs'),
                ],
            )
        )
    )
    return pseudo_collate([dataset[list(IMAGES).index(name)] for name in names])


def stock(name: str) -> ConfigDict:
    """mmdet's own detector on a spiking backbone that hands on the mean of the time steps."""
    model = get_config(f'mmdet::_base_/models/{name}.py').model
    model.backbone = dict(
        type='spikedense.SDTV3',
        arch=dict(embed_dims=[16, 16, 24, 32], depths=[1, 1, 1, 1, 1], num_heads=4),
        T=2,
        out_time='mean',
        out_indices=(1, 2, 3, 4),
    )
    model.neck.update(in_channels=[16, 16, 24, 32], out_channels=16)
    model.rpn_head.update(in_channels=16, feat_channels=16)
    model.rpn_head.anchor_generator.strides = [4, 8, 16, 16, 32]
    head = model.roi_head
    head.bbox_head.update(in_channels=16, fc_out_channels=32, num_classes=6)
    for part in ('bbox_roi_extractor', 'mask_roi_extractor'):
        if part in head:
            head[part].update(out_channels=16, featmap_strides=[4, 8, 16, 16])
    if 'mask_head' in head:
        head.mask_head.update(in_channels=16, conv_out_channels=16, num_classes=6)
    return model


def build(name: str) -> nn.Module:
    model = stock(name) if name in STOCK else reduced_config(str(config_root() / name)).model
    init_default_scope('mmdet')
    return MODELS.build(model).train()


@pytest.mark.parametrize('name', [*STOCK, *OURS])
def test_losses_and_gradients_are_finite(root: Path, name: str) -> None:
    model = build(name)
    for images in (list(IMAGES), *([kind] * 2 for kind in list(IMAGES)[:3])):
        model.zero_grad()
        data = model.data_preprocessor(batch_of(root, images), training=True)
        total, losses = model.parse_losses(model(**data, mode='loss'))
        wrong = [key for key, value in losses.items() if not torch.isfinite(value).all()]
        assert not wrong, (images, wrong)
        total.backward()
        gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
        assert gradients
        wrong = [n for n, gradient in gradients.items() if not torch.isfinite(gradient).all()]
        assert not wrong, (images, wrong)
