"""Time the checks before a run on generated trees as large as COCO and ADE20K.

    python tools/dev/time_checks.py [FOLDER]

The trees are files of random labels and boxes; most names are links to a few files. Seconds are
those of the processor, so that other programs do not count.
"""

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.registry import init_default_scope
from PIL import Image

from spikedense.checks.coco_reader import CheckedReader
from spikedense.checks.label_maps import LabelUse, check_label_maps
from spikedense.engine import GuardedRunner
from spikedense.utils.mmcv_ops import provide_operators

COCO_IMAGES, COCO_ANNOTATIONS = 118_287, 860_001
ADE20K_IMAGES = 20_210
SIZE = 683, 512  # of a typical image of ADE20K
FILES = 16  # different ones


def make_ade20k(root: Path) -> dict:
    """Write a tree as large as the training set of ADE20K, and return its config."""
    rng = np.random.default_rng(0)
    for i in range(ADE20K_IMAGES):
        image, labels = (
            root / f'{kind}/{i:08}{end}' for kind, end in (('img', '.jpg'), ('ann', '.png'))
        )
        if i < FILES:
            small = rng.integers(0, 151, (64, 48), dtype=np.uint8)
            Image.fromarray(small).resize(SIZE, Image.Resampling.NEAREST).save(labels)
            Image.fromarray(small).convert('RGB').resize(SIZE).save(image)
        else:
            os.link(root / f'img/{i % FILES:08}.jpg', image)
            os.link(root / f'ann/{i % FILES:08}.png', labels)
    return dict(
        type='mmseg.ADE20KDataset',
        data_root=str(root),
        data_prefix=dict(img_path='img', seg_map_path='ann'),
        pipeline=[dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')],
    )


def make_coco(root: Path) -> dict:
    """Write a tree as large as train2017 of COCO, and return its config."""
    for i in range(COCO_IMAGES):
        if i < FILES:
            Image.new('RGB', (640, 480)).save(root / f'img/{i}.jpg')
        else:
            os.link(root / f'img/{i % FILES}.jpg', root / f'img/{i}.jpg')
    rng = random.Random(0)
    images = [dict(id=i, file_name=f'{i}.jpg', height=480, width=640) for i in range(COCO_IMAGES)]
    annotations = []
    for i in range(COCO_ANNOTATIONS):
        x, y, w, h = (
            rng.randint(0, 300),
            rng.randint(0, 200),
            rng.randint(9, 300),
            rng.randint(9, 200),
        )
        polygon = [
            float(v) for _ in range(8) for v in (x + rng.randint(0, w), y + rng.randint(0, h))
        ]
        annotations.append(
            dict(
                id=i + 1,
                image_id=i % COCO_IMAGES,
                category_id=i % 80 + 1,
                bbox=[x, y, w, h],
                area=w * h,
                iscrowd=0,
                segmentation=[polygon],
            )
        )
    categories = [dict(id=i + 1, name=f'class {i}') for i in range(80)]
    file = root / 'file.json'
    file.write_text(json.dumps(dict(images=images, annotations=annotations, categories=categories)))
    return dict(
        type='mmdet.CocoDataset',
        data_root=str(root),
        ann_file='file.json',
        data_prefix=dict(img='img/'),
        metainfo=dict(classes=tuple(f'class {i}' for i in range(80))),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
        ],
    )


def seconds(action: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of the processor that an action takes, and its result."""
    start = time.process_time()
    with redirect_stdout(None):
        result = action()
    return time.process_time() - start, result


def timed(method: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    """Return a method that adds the seconds of each call to a list."""

    def run(*args: Any) -> Any:
        took, result = seconds(lambda: method(*args))
        spent.append(took)
        return result

    return run


def build(dataset: dict) -> Any:
    """Build a data set with the checks of a run."""
    loader = dict(batch_size=1, num_workers=0, dataset=dataset, sampler=dict(type='DefaultSampler'))
    return GuardedRunner.build_dataloader(loader).dataset


def main() -> None:
    """Print the seconds of reading alone, and of the checks."""
    parent = sys.argv[1] if len(sys.argv) > 1 else None
    provide_operators()
    spent: list[float] = []
    for check in ('_check', 'report'):
        setattr(CheckedReader, check, timed(getattr(CheckedReader, check), spent))
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        for name, make in (('ADE20K', make_ade20k), ('COCO', make_coco)):
            root = Path(folder, name)
            for part in ('img', 'ann'):
                (root / part).mkdir(parents=True)
            cfg = make(root)
            init_default_scope(cfg['type'].partition('.')[0])
            spent.clear()
            built, dataset = seconds(lambda cfg=cfg: build(cfg))  # type: ignore[misc]
            maps, _ = seconds(lambda data=dataset: check_label_maps(data, LabelUse()))  # type: ignore[misc]
            coco = sum(spent)
            print(
                f'{name}: {built - coco:.1f} s to read {len(dataset)} images, '
                f'{coco + maps:.2f} s for the checks'
            )


if __name__ == '__main__':
    main()
