"""Clips cut out of folders of frames, and their transforms."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmengine.dataset import Compose
from PIL import Image

from spikedense.checks.label_maps import LabelUse, check_label_maps
from spikedense.checks.named_samples import NamedSamples
from spikedense.datasets import ClipDataset
from spikedense.errors import UserError

HEIGHT, WIDTH = 12, 16


@pytest.fixture(scope='module')
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos of 6 and 4 frames in the layout of DAVIS; the labels tell the frame."""
    root = tmp_path_factory.mktemp('davis')
    rng = np.random.default_rng(0)
    for name, number in (('bear', 6), ('swan', 4)):
        for part in ('JPEGImages', 'Annotations'):
            (root / part / name).mkdir(parents=True)
        for t in range(number):
            pixels = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / f'JPEGImages/{name}/{t:05d}.png')
            labels = np.full((HEIGHT, WIDTH), t, np.uint8)
            labels[0, 0] = 9
            Image.fromarray(labels).save(root / f'Annotations/{name}/{t:05d}.png')
    (root / 'val.txt').write_text('swan\n')
    return root


def data(videos: Path, pipeline: tuple = (), **kwargs: Any) -> ClipDataset:
    prefix = dict(img_path='JPEGImages', seg_map_path='Annotations')
    meta = dict(classes=tuple('abcdefghij'))
    args = dict(num_frames=3, data_root=str(videos), data_prefix=prefix, img_suffix='.png')
    return ClipDataset(**{**args, **kwargs}, metainfo=meta, pipeline=list(pipeline))


LOAD = (dict(type='spikedense.LoadClipFromFiles'), dict(type='spikedense.LoadClipAnnotations'))


def test_windows_over_each_video(videos: Path) -> None:
    def frames(**kwargs: Any) -> list[str]:
        found = data(videos, **kwargs)
        clips = [found.get_data_info(i)['clip_paths'] for i in range(len(found))]
        return [f'{Path(c[0]).parent.name} ' + ''.join(Path(p).stem[-1] for p in c) for c in clips]

    assert frames() == ['bear 012', 'bear 123', 'bear 234', 'bear 345', 'swan 012', 'swan 123']
    assert frames(clip_step=3) == ['bear 012', 'bear 345', 'swan 012']
    assert frames(num_frames=2, frame_step=3) == ['bear 03', 'bear 14', 'bear 25', 'swan 03']
    assert frames(ann_file='val.txt', clip_step=2) == ['swan 012']


def test_the_key_frame_is_the_last_one(videos: Path) -> None:
    sample = data(videos).get_data_info(1)
    assert sample['img_path'] == sample['clip_paths'][-1]
    assert Path(sample['seg_map_path']) == videos / 'Annotations/bear/00003.png'
    assert 'seg_map_paths' not in sample


def test_frames_and_labels_lie_in_the_order_of_time(videos: Path) -> None:
    pack = dict(type='spikedense.PackClipInputs')
    found = data(videos, (*LOAD, pack), label_frames='all')[1]
    assert found['inputs'].shape == (9, HEIGHT, WIDTH)
    paths = found['data_samples'].clip_paths
    for t in range(3):
        expected = np.asarray(Image.open(paths[t]))[..., ::-1].transpose(2, 0, 1)
        assert np.array_equal(found['inputs'][3 * t : 3 * t + 3].numpy(), expected)
        assert (found['data_samples'].gt_sem_seg.data[t, 1:] == t + 1).all()
    key = data(videos, (*LOAD, dict(type='mmseg.PackSegInputs')))[1]
    assert (key['data_samples'].gt_sem_seg.data[:, 1:] == 3).all()


def test_stock_transforms_treat_all_frames_in_the_same_way(videos: Path) -> None:
    steps = (
        dict(type='RandomResize', scale=(32, 24), ratio_range=(0.5, 2.0), keep_ratio=True),
        dict(type='mmseg.RandomCrop', crop_size=(10, 10), cat_max_ratio=1.0),
        dict(type='RandomFlip', prob=0.5),
        dict(type='spikedense.PadClip', size=(20, 20), pad_val=dict(img=0, seg=255)),
    )
    sample = data(videos, label_frames='all').get_data_info(0)
    clip = Compose(LOAD)(dict(sample))
    frame = clip['img'][..., :3].copy()
    clip['img'] = np.concatenate([frame] * 3, 2)
    clip['gt_seg_map'] = np.stack([frame[..., 0] // 40] * 3, 2)
    for seed in range(4):
        np.random.seed(seed)
        found = Compose(steps)(dict(clip))
        assert found['img'].shape == (20, 20, 9) and found['gt_seg_map'].shape == (20, 20, 3)
        assert found['pad_shape'][:2] == (20, 20)
        for t in (1, 2):
            assert np.array_equal(found['img'][..., :3], found['img'][..., 3 * t : 3 * t + 3])
            assert np.array_equal(found['gt_seg_map'][..., 0], found['gt_seg_map'][..., t])


def test_colours_of_all_frames_change_by_one_draw(videos: Path) -> None:
    change = dict(type='mmseg.PhotoMetricDistortion')
    clip = Compose(LOAD)(data(videos).get_data_info(0))
    ours = Compose([dict(type='spikedense.ForFrames', transform=change)])
    for seed in range(4):
        np.random.seed(seed)
        found = ours(dict(clip))['img']
        for t in range(3):
            np.random.seed(seed)
            own = slice(3 * t, 3 * t + 3)
            frame = np.ascontiguousarray(clip['img'][..., own])
            assert np.array_equal(found[..., own], Compose([change])(dict(img=frame))['img'])
    with pytest.raises(UserError, match='has changed the size'):
        half = dict(type='Resize', scale=(4, 4))
        Compose([dict(type='spikedense.ForFrames', transform=half)])(dict(clip))


def test_labels_are_checked_before_a_run(videos: Path) -> None:
    found = data(videos, (*LOAD, dict(type='spikedense.PackClipInputs')), label_frames='all')
    check_label_maps(found, LabelUse())
    assert NamedSamples(found.pipeline)(found.get_data_info(0))['inputs'].shape[0] == 9
    few = data(videos, LOAD, label_frames='all')
    few._metainfo['classes'] = tuple('abc')
    with pytest.raises(UserError, match='9'):
        check_label_maps(few, LabelUse(opened=None))


@pytest.mark.parametrize(
    ('changes', 'words'),
    [
        (dict(num_frames=5), "video 'swan' of ClipDataset has 4 frames, expected at least 5"),
        (dict(frame_step=0), 'frame_step=0, expected an integer'),
        (dict(label_frames='first'), "label_frames='first', expected one of"),
        (dict(img_suffix='.bmp'), 'no .bmp file in'),
    ],
)
def test_wrong_settings_are_one_sentence(videos: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        data(videos, **changes)


def test_videos_that_are_listed_must_exist(videos: Path, tmp_path: Path) -> None:
    (tmp_path / 'list.txt').write_text('goat\n')
    with pytest.raises(UserError, match="names the video 'goat', which has no"):
        data(videos, ann_file=str(tmp_path / 'list.txt'))


def test_frames_of_other_sizes_are_named(videos: Path, tmp_path: Path) -> None:
    Image.fromarray(np.zeros((3, 4, 3), np.uint8)).save(tmp_path / 'small.png')
    sample = data(videos).get_data_info(0)
    sample['clip_paths'][1] = str(tmp_path / 'small.png')
    with pytest.raises(UserError, match=r"small.png' has the shape \(3, 4, 3\), expected \(12, 16"):
        Compose(LOAD)(sample)
    with pytest.raises(UserError, match='has no clip_paths, expected a data set of clips'):
        Compose(LOAD)(dict(img_path='a.png'))
