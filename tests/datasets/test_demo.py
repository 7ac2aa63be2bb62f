"""The demo set as an mmseg data set."""

import logging
from pathlib import Path

import numpy as np
import pytest
from mmengine.logging import MMLogger
from PIL import Image

from spikedense.datasets import DemoDataset
from spikedense.datasets.demo_generator import ensure_demo
from spikedense.datasets.demo_scenes import CLASSES, THING_CLASSES

GENERATOR = dict(seed=1, size=(48, 64), num_train=3, num_val=2)
PREFIX = dict(img_path='images/train', seg_map_path='annotations/train')
PIPELINE = [dict(type='mmseg.LoadImageFromFile'), dict(type='mmseg.LoadAnnotations')]


def _build(root: Path, **kwargs: object) -> DemoDataset:
    return DemoDataset(
        data_root=str(root),
        generator=GENERATOR,
        data_prefix=dict(PREFIX),
        pipeline=PIPELINE,
        **kwargs,
    )


def test_is_written_on_demand_and_read(tmp_path: Path) -> None:
    dataset = _build(tmp_path / 'set')
    assert len(dataset) == 3
    assert dataset.metainfo['classes'] == CLASSES and len(dataset.metainfo['palette']) == 9
    sample = dataset[0]
    assert sample['img'].shape == (48, 64, 3)
    assert sample['gt_seg_map'].shape == (48, 64)
    assert set(np.unique(sample['gt_seg_map'])) <= {*range(9), 255}


def test_lazy_construction_writes_nothing(tmp_path: Path) -> None:
    dataset = _build(tmp_path / 'set', lazy_init=True)
    assert not (tmp_path / 'set').exists()
    dataset.full_init()
    assert len(dataset) == 3


def test_says_so_once(tmp_path: Path) -> None:
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    try:
        _build(tmp_path / 'set')
        _build(tmp_path / 'set')
    finally:
        logger.removeHandler(handler)
    written = [message for message in messages if 'demo set' in message]
    assert len(written) == 1
    assert '3 training and 2 validation images of 48x64' in written[0]


def test_unknown_generator_key_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match='colour'):
        DemoDataset(data_root=str(tmp_path / 'set'), generator=dict(colour='red'))


def test_mmdet_reads_the_instances(tmp_path: Path) -> None:
    from mmdet.registry import DATASETS

    root = tmp_path / 'set'
    ensure_demo(root, **GENERATOR)
    load = dict(type='mmdet.LoadAnnotations', with_bbox=True, with_mask=True)
    dataset = DATASETS.build(
        dict(
            type='mmdet.CocoDataset',
            data_root=str(root),
            ann_file='annotations/instances_train.json',
            data_prefix=dict(img='images/train'),
            metainfo=dict(classes=THING_CLASSES),
            pipeline=[dict(type='mmdet.LoadImageFromFile'), load],
        )
    )
    for index in range(len(dataset)):
        sample = dataset[index]
        stem = Path(sample['img_path']).stem
        semantic = np.array(Image.open(root / f'annotations/train/{stem}.png'))
        for mask, label in zip(sample['gt_masks'].masks, sample['gt_bboxes_labels'], strict=True):
            assert mask.any() and (semantic[mask > 0] == label).all()
