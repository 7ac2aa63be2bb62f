"""COCO files are checked where a runner builds its loaders, in whatever wrappers they stand."""

import json
import logging
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmengine.config import ConfigDict
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from PIL import Image

from spikedense.checks.dataset import with_checks
from spikedense.datasets.demo_generator import ensure_demo
from spikedense.datasets.demo_scenes import CLASSES, THING_CLASSES
from spikedense.engine import GuardedRunner
from spikedense.errors import UserError


@pytest.fixture(scope='module')
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('data') / 'demo'
    ensure_demo(root, size=(64, 96), num_train=3, num_val=2)
    return root


@pytest.fixture
def root(demo: Path, tmp_path: Path) -> Path:
    """A demo set of which a test may spoil files."""
    init_default_scope('mmdet')
    return shutil.copytree(demo, tmp_path / 'demo')


def instances(root: Path, **options: Any) -> dict:
    return dict(
        type='CocoDataset',
        data_root=str(root),
        ann_file='annotations/instances_train.json',
        data_prefix=dict(img='images/train/'),
        metainfo=dict(classes=THING_CLASSES),
        filter_cfg=dict(filter_empty_gt=True, min_size=32),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
            dict(type='PackDetInputs'),
        ],
        **options,
    )


def panoptic(root: Path) -> dict:
    names = ('classes', CLASSES), ('thing_classes', THING_CLASSES), ('stuff_classes', CLASSES[6:])
    cfg = instances(root) | dict(
        type='CocoPanopticDataset',
        ann_file='annotations/panoptic_train.json',
        data_prefix=dict(img='images/train/', seg='annotations/panoptic_train/'),
        metainfo=dict(names),
    )
    cfg['pipeline'][1] = dict(type='spikedense.LoadPanopticAnnotations')
    return cfg


def spoil(root: Path, edit: Callable[[dict], object], kind: str = 'instances') -> None:
    path = root / f'annotations/{kind}_train.json'
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def spoil_box(content: dict) -> None:
    content['annotations'][1]['bbox'][2] = float('nan')


def build(dataset: Any) -> Any:
    loader = dict(batch_size=1, num_workers=0, dataset=dataset, sampler=dict(type='DefaultSampler'))
    return GuardedRunner.build_dataloader(ConfigDict(loader)).dataset


WRAPPERS = {
    'bare': lambda cfg: cfg,
    'repeat': lambda cfg: dict(type='RepeatDataset', times=2, dataset=cfg),
    'class-balanced': lambda cfg: dict(
        type='ClassBalancedDataset', oversample_thr=0.1, dataset=cfg
    ),
    'concat': lambda cfg: dict(type='ConcatDataset', datasets=[cfg, cfg]),
    'mixed images': lambda cfg: dict(type='MultiImageMixDataset', pipeline=[], dataset=cfg),
    'two deep': lambda cfg: dict(
        type='RepeatDataset', times=2, dataset=dict(type='ConcatDataset', datasets=[cfg])
    ),
}


@pytest.mark.parametrize('wrap', WRAPPERS.values(), ids=WRAPPERS)
def test_every_wrapper(root: Path, wrap: Callable) -> None:
    data = build(wrap(instances(root)))
    assert len(data) >= 3
    assert 'data_samples' in data[0]
    spoil(root, spoil_box)
    with pytest.raises(UserError, match=r"instances_train\.json': annotation \d+ of 'train_.*nan"):
        build(wrap(instances(root)))


def test_built_as_without_the_check(root: Path) -> None:
    data = build(instances(root, indices=2, lazy_init=True))
    assert type(data).__name__ == 'CocoDataset' and len(data) == 2
    assert 'COCOAPI' not in vars(data)  # nothing of the check stays
    assert len(pickle.loads(pickle.dumps(data))) == 2


def test_other_data_sets_are_left_alone() -> None:
    for cfg in (dict(type='BaseSegDataset'), dict(type='NoSuchDataset'), 3, None):
        assert with_checks(cfg) is cfg


def test_panoptic(root: Path) -> None:
    assert len(build(panoptic(root))) == 3
    spoil(root, lambda content: content['categories'][0].pop('isthing'), 'panoptic')
    with pytest.raises(UserError, match="category 0 in the list: it has no 'isthing'"):
        build(panoptic(root))


@pytest.mark.parametrize('text', ['', '[1, 2]', '{"images": ['])
def test_file_that_is_no_coco(root: Path, text: str) -> None:
    (root / 'annotations/instances_train.json').write_text(text)
    with pytest.raises(UserError, match=r"CocoDataset cannot read '.*instances_train\.json': "):
        build(instances(root))


def test_missing_file(root: Path) -> None:
    (root / 'annotations/instances_train.json').unlink()
    with pytest.raises(FileNotFoundError, match='instances_train'):
        build(instances(root))


def test_classes_in_another_order(root: Path) -> None:
    cfg = instances(root) | dict(metainfo=dict(classes=THING_CLASSES[::-1]))
    with pytest.raises(UserError, match="'circle' would get label 0"):
        build(cfg)


def test_missing_images(root: Path) -> None:
    (root / 'images/train/train_00001.jpg').unlink()
    with pytest.raises(UserError, match=r'1 of 3 files .* do not exist: .*train_00001\.jpg'):
        build(instances(root))
    # Where a few images are picked the others need not be there.
    assert len(build(instances(root, indices=1))) == 1
    with pytest.raises(UserError, match=r'1 of 2 files .* do not exist'):
        build(instances(root, indices=2))
    cfg = panoptic(root)
    cfg['pipeline'] = cfg['pipeline'][1:]
    (root / 'annotations/panoptic_train/train_00002.png').unlink()
    with pytest.raises(UserError, match=r'1 of 3 files .* data_prefix\.seg=.*train_00002\.png'):
        build(cfg)


def test_names_that_the_data_set_changes(root: Path) -> None:
    patch = root / 'images/train/patch6'
    patch.mkdir()
    for path in (root / 'images/train').glob('*.jpg'):
        path.rename(patch / path.name)
    ignored = 'objects365_v1_00320532.jpg'  # one that mmdet leaves out

    def edit(content: dict) -> None:
        for image in content['images']:
            image['file_name'] = f'images/v1/patch6/{image["file_name"]}'
        content['images'].append({**content['images'][0], 'id': 99})
        content['images'][-1]['file_name'] = f'images/v1/patch6/{ignored}'

    spoil(root, edit)
    cfg = instances(root) | dict(type='Objects365V2Dataset')
    data = build(cfg)
    assert len(data) == 3 and data[0]['data_samples'].img_path.startswith(str(patch))
    assert data.serialize_data and not data.data_list and len(pickle.loads(pickle.dumps(data))) == 3
    Image.new('RGB', (32, 32)).save(patch / 'train_00001.jpg')
    with pytest.raises(
        UserError, match=r"height=64 and width=96, .* as '.*patch6/train_00001\.jpg"
    ):
        build(cfg)
    (patch / 'train_00001.jpg').unlink()
    with pytest.raises(UserError, match=r'1 of 3 files .* do not exist: .*patch6/train_00001\.jpg'):
        build(cfg)


def test_unserialised_data_stays_so(root: Path) -> None:
    data = build(instances(root, serialize_data=False))
    assert len(data) == len(data.data_list) == 3 and not data.serialize_data


def test_images_elsewhere_are_not_looked_for(root: Path) -> None:
    cfg = instances(root) | dict(data_root='')
    cfg['ann_file'] = str(root / cfg['ann_file'])
    for prefix in ('s3://bucket/', 'cluster:s3://bucket/'):
        assert len(build(cfg | dict(data_prefix=dict(img=prefix)))) == 3


def test_panoptic_data_without_pngs(root: Path) -> None:
    cfg = panoptic(root) | dict(data_prefix=dict(img='images/train/'))
    with pytest.raises(UserError, match=r"no 'seg', expected the folder of the PNGs of '.*json'"):
        build(cfg)
    assert len(build(cfg | dict(test_mode=True))) == 3


def test_png_of_other_segments(root: Path) -> None:
    Image.new('RGB', (96, 64), 1).save(root / 'annotations/panoptic_train/train_00000.png')
    with pytest.raises(UserError, match=r"have no pixel in '.*train_00000\.png', as segment \d+"):
        build(panoptic(root))


@pytest.mark.parametrize('kind', ['images/train/train_00000.jpg', 'png'])
def test_images_of_another_size(root: Path, kind: str) -> None:
    path = root / (kind if kind != 'png' else 'annotations/panoptic_train/train_00000.png')
    # mmdet would reshape segments that are as many pixels.
    Image.open(path).resize((64, 96)).save(path)
    with pytest.raises(UserError, match='height=64 and width=96, expected 96 and 64 as'):
        build(panoptic(root))


@pytest.mark.parametrize('size', [(64, 96), (96, 64)], ids=['upright', 'stored'])
def test_image_that_exif_turns(
    root: Path, caplog: pytest.LogCaptureFixture, size: tuple[int, int]
) -> None:
    MMLogger.get_instance('dataset_check').addHandler(caplog.handler)
    path = root / 'images/train/train_00000.jpg'
    image = Image.open(path).resize(size)
    exif = image.getexif()
    exif[0x112] = 6
    image.save(path, exif=exif)
    data = build(instances(root))
    assert data[0]['data_samples'].ori_shape == size
    # Boxes that have the size of the turned image are those of the turned image.
    assert ('(orientation 6), and boxes and masks are not' in caplog.text) is (size == (96, 64))


def test_skips_are_logged(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    logger = MMLogger.get_instance('dataset_check')
    logger.addHandler(caplog.handler)

    def edit(content: dict) -> None:
        content['annotations'][0]['area'] = 0
        content['categories'].append(dict(id=99, name='cow'))
        content['annotations'][1]['category_id'] = 99

    spoil(root, edit)
    build(instances(root))
    lines = {record.getMessage(): record.levelno for record in caplog.records}
    lines = {line: level for line, level in lines.items() if level >= logging.INFO}
    file = root / 'annotations/instances_train.json'
    assert lines == {
        f"'{file}': 1 annotation not learnt: 1 with no area": logging.INFO,
        f"'{file}': 1 annotation skipped, of categories that are none of the classes: cow (1)": (
            logging.WARNING
        ),
    }
