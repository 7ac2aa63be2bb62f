"""The moving demo set: its scenes, its files and its data set."""

import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, MODELS, DefaultScope
from PIL import Image
from pycocotools import mask as coco_mask

from spikedense.datasets import MovingDemoDataset
from spikedense.datasets.moving_generator import MovingSpec, ensure_moving_demo
from spikedense.datasets.moving_scenes import (
    CLASSES,
    MOTION_CLASSES,
    THING_CLASSES,
    bounce,
    draw_thing,
    draw_things,
    render_clip,
    render_thing,
)
from spikedense.utils.config_path import config_root

SPEC = dict(size=(48, 64), num_frames=3, num_train=2, num_val=1)


@pytest.fixture(scope='module')
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('moving') / 'set'
    assert ensure_moving_demo(folder, **SPEC)
    return folder


@pytest.mark.parametrize('seed', range(4))
def test_one_frame_does_not_tell_a_drifter_from_a_spinner(seed: int) -> None:
    one, other = (draw_thing(np.random.default_rng(seed), kind) for kind in MOTION_CLASSES)
    for first, second in zip(*(render_thing(x, 0, (32, 32)) for x in (one, other)), strict=True):
        np.testing.assert_allclose(first, second, atol=1e-5)
    centre, radius, angle = one.pose(2)
    assert np.abs(np.subtract(centre, one.centre)).max() > 0.02
    assert (radius, angle) == (one.radius, one.angle)
    centre, radius, other_angle = other.pose(2)
    np.testing.assert_allclose((*centre, radius), (*other.centre, other.radius))
    # A cross looks the same after a quarter of a turn.
    assert 0.3 < abs(other_angle - other.angle) < np.pi / 2 - 0.3


def test_places_and_angles_have_one_distribution_in_all_frames() -> None:
    found = {kind: [] for kind in MOTION_CLASSES}
    for seed in range(3000):
        for kind, poses in found.items():
            centre, radius, angle = draw_thing(np.random.default_rng(seed), kind).pose(7)
            poses.append((*centre, radius, np.cos(4 * angle), np.sin(4 * angle)))
    drifter, spinner = (np.sort(np.array(poses), axis=0) for poses in found.values())
    # Quantiles agree up to the error of so many samples.
    assert np.abs(drifter - spinner)[:, :3].max() < 0.04
    assert np.abs(drifter - spinner)[150:-150, 3:].max() < 0.15


def test_bounced_places_stay_in_their_field() -> None:
    path = [bounce(0.2 + 0.3 * t, 0.1, 0.9) for t in range(6)]
    np.testing.assert_allclose(path, [0.2, 0.5, 0.8, 0.7, 0.4, 0.1], atol=1e-12)


def test_labels_are_those_of_each_frame() -> None:
    clip = render_clip(np.random.default_rng(1), (48, 64), 4)
    assert clip.images.shape == (4, 48, 64, 3) and clip.segments.shape == (4, 48, 64)
    assert (clip.segments > 0).all() and clip.semantic.max() < len(CLASSES)
    names = [CLASSES[index] for index in clip.classes]
    assert set(MOTION_CLASSES) <= set(names)
    # From one frame to the next, labels change where the picture does.
    moved = clip.segments[0] != clip.segments[1]
    change = np.abs(clip.images[0].astype(int) - clip.images[1]).mean(-1)
    assert moved.any() and change[moved].mean() > 2 * change[~moved].mean()
    things = draw_things(np.random.default_rng(3))
    assert {thing.name for thing in things} <= set(THING_CLASSES)


def test_files_agree_with_each_other(root: Path) -> None:
    content = json.loads((root / 'annotations/instances_train.json').read_text())
    assert [one['name'] for one in content['categories']] == list(THING_CLASSES)
    assert len(content['images']) == 2 * 3
    assert [(one['video_id'], one['frame_id']) for one in content['images']][3] == (2, 0)
    for image in content['images']:
        labels = np.asarray(
            Image.open(root / 'annotations/train' / image['file_name'].replace('.jpg', '.png'))
        )
        assert (root / 'frames/train' / image['file_name']).exists()
        drawn = np.zeros(labels.shape, bool)
        for one in (x for x in content['annotations'] if x['image_id'] == image['id']):
            mask = coco_mask.decode(coco_mask.frPyObjects(one['segmentation'], *labels.shape))
            assert mask.sum() == one['area'] and not (drawn & (mask > 0)).any()
            drawn |= mask > 0
            assert (labels[mask > 0] == one['category_id'] - 1).all()
        assert np.array_equal(drawn, labels < len(THING_CLASSES))


def test_the_same_seed_gives_the_same_files(root: Path, tmp_path: Path) -> None:
    assert not ensure_moving_demo(root, **SPEC)
    ensure_moving_demo(tmp_path / 'again', **SPEC)
    for path in (p for p in root.rglob('*') if p.is_file()):
        assert (tmp_path / 'again' / path.relative_to(root)).read_bytes() == path.read_bytes()
    ensure_moving_demo(tmp_path / 'again', **{**SPEC, 'seed': 1})
    frame = 'frames/val/val_00000/00000.jpg'
    assert (tmp_path / 'again' / frame).read_bytes() != (root / frame).read_bytes()
    with pytest.raises(ValueError, match='num_frames is 0, expected 1 or more'):
        MovingSpec(num_frames=0)


def test_the_data_set_writes_its_files(tmp_path: Path) -> None:
    found = MovingDemoDataset(
        data_root=str(tmp_path / 'set'),
        generator=SPEC,
        num_frames=3,
        label_frames='all',
        data_prefix=dict(img_path='frames/val', seg_map_path='annotations/val'),
        pipeline=[dict(type='spikedense.LoadClipFromFiles')],
    )
    assert len(found) == 1 and found[0]['img'].shape == (48, 64, 9)
    assert len(found[0]['seg_map_paths']) == 3
    (tmp_path / 'set/mine.txt').write_text('')
    with pytest.raises(FileExistsError, match=r'mine\.txt'):
        ensure_moving_demo(tmp_path / 'set', **{**SPEC, 'seed': 1})


def test_the_config_of_the_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DEMO_VIDEO_ROOT', str(tmp_path / 'set'))
    cfg = Config.fromfile(config_root() / '_base_/datasets/demo_video.py')
    with DefaultScope.overwrite_default_scope('mmseg'):
        for split in ('train', 'val'):
            config = cfg[f'{split}_dataloader'].dataset
            config.generator.update(num_train=2, num_val=1)
            data = DATASETS.build(config)
            items = [data[0], data[len(data) - 1]]
            batch = MODELS.build(cfg.data_preprocessor)(pseudo_collate(items), training=True)
            assert batch['inputs'].shape == (2 * cfg.num_frames, 3, *cfg.crop_size)
            labels = [sample.gt_sem_seg.data for sample in batch['data_samples']]
            assert {label.shape for label in labels} == {(1, *cfg.crop_size)}
            assert len(data.metainfo['classes']) == cfg.num_classes == len(CLASSES)
