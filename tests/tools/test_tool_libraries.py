"""The same two tools on configs of mmpretrain and mmdet, with a spiking backbone in each."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image
from tool_configs import losses

from spikedense.datasets.demo_scenes import THING_CLASSES

BACKBONE = dict(
    type='spikedense.SDTV3',
    arch=dict(embed_dims=[8, 16, 16, 16], depths=[1, 1, 1, 1, 1], num_heads=4),
    neuron_cfg=dict(type='NILIF', D=4),
    out_time='mean',
)
RUN = dict(
    train_cfg=dict(by_epoch=True, max_epochs=1),
    val_cfg=dict(),
    test_cfg=dict(),
    optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01)),
    default_hooks=dict(logger=dict(type='LoggerHook', interval=1)),
)


def _loader(dataset: dict, shuffle: bool) -> dict:
    sampler = dict(type='DefaultSampler', shuffle=shuffle)
    return dict(batch_size=2, num_workers=0, sampler=sampler, dataset=dataset)


def _classifier(folder: Path) -> Config:
    rng = np.random.default_rng(0)
    for index in range(8):
        path = folder / 'images' / f'class_{index % 2}' / f'{index}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(path)
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=32),
        dict(type='PackInputs'),
    ]
    dataset = dict(type='CustomDataset', data_root=str(folder / 'images'), pipeline=pipeline)
    evaluator = dict(type='Accuracy', topk=(1,))
    return Config(
        dict(
            default_scope='mmpretrain',
            model=dict(
                type='ImageClassifier',
                data_preprocessor=dict(mean=[120.0] * 3, std=[60.0] * 3, to_rgb=True),
                backbone=dict(**BACKBONE, out_indices=(4,)),
                neck=dict(type='GlobalAveragePooling'),
                head=dict(
                    type='LinearClsHead',
                    num_classes=2,
                    in_channels=16,
                    loss=dict(type='CrossEntropyLoss'),
                    topk=(1,),
                ),
            ),
            train_dataloader=_loader(dataset, True),
            val_dataloader=_loader(dataset, False),
            test_dataloader=_loader(dataset, False),
            val_evaluator=evaluator,
            test_evaluator=evaluator,
            **RUN,
        )
    )


def _detector(demo_root: Path) -> Config:
    def dataset(split: str) -> dict:
        return dict(
            type='CocoDataset',
            data_root=str(demo_root),
            ann_file=f'annotations/instances_{split}.json',
            data_prefix=dict(img=f'images/{split}'),
            metainfo=dict(classes=tuple(THING_CLASSES)),
            test_mode=split == 'val',
            pipeline=[
                dict(type='LoadImageFromFile'),
                dict(type='LoadAnnotations', with_bbox=True),
                dict(type='Resize', scale=(64, 64), keep_ratio=True),
                dict(type='PackDetInputs'),
            ],
        )

    evaluator = dict(
        type='CocoMetric',
        ann_file=str(demo_root / 'annotations' / 'instances_val.json'),
        metric='bbox',
    )
    head = dict(
        type='RetinaHead',
        num_classes=len(THING_CLASSES),
        in_channels=16,
        feat_channels=16,
        stacked_convs=1,
        anchor_generator=dict(
            type='AnchorGenerator', scales=[4], ratios=[1.0], strides=[8, 16, 32]
        ),
        bbox_coder=dict(type='DeltaXYWHBBoxCoder'),
    )
    return Config(
        dict(
            default_scope='mmdet',
            model=dict(
                type='RetinaNet',
                data_preprocessor=dict(
                    type='DetDataPreprocessor',
                    mean=[120.0] * 3,
                    std=[60.0] * 3,
                    bgr_to_rgb=True,
                    pad_size_divisor=32,
                ),
                backbone=dict(**BACKBONE, out_indices=(2, 4)),
                neck=dict(type='FPN', in_channels=[16, 16], out_channels=16, num_outs=3),
                bbox_head=head,
                train_cfg=dict(
                    assigner=dict(
                        type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.4, min_pos_iou=0
                    ),
                    sampler=dict(type='PseudoSampler'),
                    allowed_border=-1,
                    pos_weight=-1,
                ),
                test_cfg=dict(
                    nms_pre=100,
                    min_bbox_size=0,
                    score_thr=0.0,
                    nms=dict(type='nms', iou_threshold=0.5),
                    max_per_img=10,
                ),
            ),
            train_dataloader=_loader(dataset('train'), True),
            val_dataloader=_loader(dataset('val'), False),
            test_dataloader=_loader(dataset('val'), False),
            val_evaluator=evaluator,
            test_evaluator=evaluator,
            **RUN,
        )
    )


@pytest.mark.parametrize('library', ['mmpretrain', 'mmdet'])
def test_train_and_test(
    library: str, train_tool: Callable, test_tool: Callable, demo_root: Path, tmp_path: Path
) -> None:
    cfg = _classifier(tmp_path) if library == 'mmpretrain' else _detector(demo_root)
    config = tmp_path / f'{library}_model.py'
    cfg.dump(config)
    work_dir = tmp_path / 'run'
    train_tool([str(config), '--work-dir', str(work_dir), '--seed', '0', '--amp'])
    assert all(np.isfinite(losses(work_dir)))
    arguments = [str(config), str(work_dir / 'epoch_1.pth'), '--work-dir', str(tmp_path / 'test')]
    out, pictures = tmp_path / 'out.pkl', tmp_path / 'pictures'
    plain = test_tool([*arguments, '--out', str(out), '--show-dir', str(pictures)])
    metric = 'accuracy/top1' if library == 'mmpretrain' else 'coco/bbox_mAP'
    assert metric in plain
    count = 8 if library == 'mmpretrain' else 6
    assert len(pickle.loads(out.read_bytes())) == count
    assert len(list(pictures.glob('*.png'))) == count
    assert metric in test_tool([*arguments, '--tta'])
    if library == 'mmpretrain':
        with pytest.raises(SystemExit):
            test_tool([*arguments, '--out', str(tmp_path / 'out.txt')])
