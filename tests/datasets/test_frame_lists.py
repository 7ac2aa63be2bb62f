"""Data sets of action recognition on generated trees, and the frames that samplers choose."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmcv import transforms

from spikedense.datasets import (
    FrameListDataset,
    HMDB51Frames,
    SampleDense,
    SampleSegments,
    SomethingV2Frames,
    UCF101Frames,
)
from spikedense.errors import UserError


def make_video(folder: Path, frames: int) -> None:
    folder.mkdir(parents=True)
    for i in range(1, frames + 1):
        (folder / f'img_{i:05d}.jpg').touch()


def check(dataset: Any, root: Path, expected: dict[str, tuple[int, int]]) -> None:
    """A data set has these videos: folder -> number of frames, label."""
    found = {}
    for i in range(len(dataset)):
        sample = dataset.get_data_info(i)
        frames = [Path(path) for path in sample['frames']]
        assert all(path.is_file() for path in frames) and frames == sorted(frames)
        found[str(frames[0].parent.relative_to(root))] = (len(frames), sample['gt_label'])
    assert found == expected


def test_a_list_in_text_form(tmp_path: Path) -> None:
    make_video(tmp_path / 'a b', 3)
    (tmp_path / 'list.txt').write_text('a b 3 1\n\n')
    args: dict[str, Any] = dict(data_root=str(tmp_path), ann_file='list.txt')
    check(FrameListDataset(**args), tmp_path, {'a b': (3, 1)})
    check(FrameListDataset(**args, classes=['x', 'y']), tmp_path, {'a b': (3, 1)})
    with pytest.raises(UserError, match=r'has the label 1, expected one of 0\.\.0'):
        FrameListDataset(**args, classes=['x'])
    with pytest.raises(UserError, match=r"frame_name='1\.jpg', expected a name with the number"):
        FrameListDataset(**args, frame_name='1.jpg')
    (tmp_path / 'list.txt').write_text('a b 3 1\na 3\n')
    with pytest.raises(UserError, match=r"line 2 'a 3', expected 'FOLDER NUMBER_OF_FRAMES LABEL'"):
        FrameListDataset(**args)
    (tmp_path / 'list.txt').write_text('\n')
    with pytest.raises(UserError, match=r"no video in '.*list\.txt'"):
        FrameListDataset(**args)
    with pytest.raises(UserError, match=r"no file '.*other\.txt', expected the layout"):
        FrameListDataset(data_root=str(tmp_path), ann_file='other.txt')


def test_ucf101(tmp_path: Path) -> None:
    lists = tmp_path / 'ucfTrainTestlist'
    lists.mkdir()
    (lists / 'classInd.txt').write_text('1 Archery\n2 Bowling\n')
    (lists / 'trainlist01.txt').write_text('Bowling/v_b_g01.avi 2\n')
    (lists / 'testlist01.txt').write_text('Archery/v_a_g01.avi\nBowling/v_b_g02.avi\n')
    for name, frames in (('Archery/v_a_g01', 2), ('Bowling/v_b_g01', 4), ('Bowling/v_b_g02', 3)):
        make_video(tmp_path / 'frames' / name, frames)
    args: dict[str, Any] = dict(data_root=str(tmp_path), data_prefix='frames')
    train = UCF101Frames(ann_file='ucfTrainTestlist/trainlist01.txt', **args)
    check(train, tmp_path / 'frames', {'Bowling/v_b_g01': (4, 1)})
    assert train.metainfo['classes'] == ('Archery', 'Bowling')
    test = UCF101Frames(ann_file='ucfTrainTestlist/testlist01.txt', **args)
    check(test, tmp_path / 'frames', {'Archery/v_a_g01': (2, 0), 'Bowling/v_b_g02': (3, 1)})
    (lists / 'testlist01.txt').write_text('Bowling/absent.avi\n')
    with pytest.raises(UserError, match=r"Bowling/absent' has no frame, expected 'img_00001\.jpg'"):
        UCF101Frames(ann_file='ucfTrainTestlist/testlist01.txt', **args)
    (lists / 'testlist01.txt').write_text('Chess/absent.avi\n')
    with pytest.raises(UserError, match=r"names the class 'Chess', which classInd\.txt lacks"):
        UCF101Frames(ann_file='ucfTrainTestlist/testlist01.txt', **args)


def test_hmdb51(tmp_path: Path) -> None:
    splits = tmp_path / 'splits'
    splits.mkdir()
    (splits / 'wave_test_split2.txt').write_text('one.avi 1\ntwo.avi 2\nthree.avi 0\n')
    (splits / 'clap_test_split2.txt').write_text('four (x).avi 2 \n')
    for name in ('wave/one', 'wave/two', 'clap/four (x)'):
        make_video(tmp_path / name, 2)
    args: dict[str, Any] = dict(data_root=str(tmp_path), ann_file='splits', split=2)
    train = HMDB51Frames(**args)
    check(train, tmp_path, {'wave/one': (2, 1)})
    assert train.metainfo['classes'] == ('clap', 'wave')
    check(
        HMDB51Frames(**args, train=False), tmp_path, {'clap/four (x)': (2, 0), 'wave/two': (2, 1)}
    )
    with pytest.raises(UserError, match=r'no file \*_test_split1\.txt'):
        HMDB51Frames(**{**args, 'split': 1})
    with pytest.raises(UserError, match=r'split=4, expected one of \(1, 2, 3\)'):
        HMDB51Frames(**{**args, 'split': 4})


def test_something_something_v2(tmp_path: Path) -> None:
    prefix = str(tmp_path / 'something-something-v2-')
    names = {'Moving something up': '1', 'Holding something': '0'}
    Path(f'{prefix}labels.json').write_text(json.dumps(names))
    entry = dict(id='7', label='moving a cup up', template='Moving [something] up')
    Path(f'{prefix}train.json').write_text(json.dumps([entry]))
    make_video(tmp_path / 'frames/7', 5)
    args: dict[str, Any] = dict(data_prefix=str(tmp_path / 'frames'))
    train = SomethingV2Frames(ann_file=f'{prefix}train.json', **args)
    check(train, tmp_path / 'frames', {'7': (5, 1)})
    assert train.metainfo['classes'] == ('Holding something', 'Moving something up')
    Path(f'{prefix}train.json').write_text(json.dumps([{**entry, 'template': 'Dropping [it]'}]))
    with pytest.raises(UserError, match="has the template 'Dropping it', which is no class"):
        SomethingV2Frames(ann_file=f'{prefix}train.json', **args)
    with pytest.raises(UserError, match=r'no file .*validation\.json'):
        SomethingV2Frames(ann_file=f'{prefix}validation.json', classes=['x'], **args)


def test_segments_have_a_frame_each() -> None:
    assert SampleSegments(4).indices(8).tolist() == [1, 3, 5, 7]
    assert SampleSegments(3).indices(9).tolist() == [1, 4, 7]
    assert SampleSegments(4).indices(2).tolist() == [0, 0, 1, 1]
    drawn = np.array([SampleSegments(4, random=True).indices(8) for _ in range(200)])
    assert (drawn // 2 == np.arange(4)).all() and len(np.unique(drawn)) == 8


def test_dense_frames_are_at_equal_distances() -> None:
    assert SampleDense(3, 2).indices(9).tolist() == [2, 4, 6]
    clips = [SampleDense(3, 2, clip=i, num_clips=3).indices(9).tolist() for i in range(3)]
    assert clips == [[0, 2, 4], [2, 4, 6], [4, 6, 8]]
    assert SampleDense(4, 2).indices(3).tolist() == [0, 2, 2, 2]
    drawn = np.array([SampleDense(3, 2, random=True).indices(9) for _ in range(200)])
    assert (np.diff(drawn) == 2).all() and np.unique(drawn).tolist() == list(range(9))


def test_several_clips_of_a_video() -> None:
    sample = dict(frames=[f'{i}.jpg' for i in range(9)], gt_label=3)
    samplers = [
        dict(type='spikedense.SampleDense', num_frames=2, clip=i, num_clips=3) for i in range(3)
    ]
    pack = dict(type='mmpretrain.PackInputs', meta_keys=('img_path', 'clip_paths'))
    out = transforms.TestTimeAug(transforms=[samplers, [pack]])(sample)
    chosen = [one.clip_paths for one in out['data_samples']]
    assert chosen == [['0.jpg', '1.jpg'], ['4.jpg', '5.jpg'], ['7.jpg', '8.jpg']]
    assert [one.img_path for one in out['data_samples']] == ['1.jpg', '5.jpg', '8.jpg']
    assert len(sample['frames']) == 9, 'a pipeline leaves the sample to the next one'


@pytest.mark.parametrize(
    ('cls', 'kwargs', 'message'),
    [
        (SampleSegments, dict(num_frames=0), 'SampleSegments: num_frames=0, expected an integer'),
        (SampleDense, dict(num_frames=2, stride=0), 'stride=0, expected an integer of at least 1'),
        (SampleDense, dict(num_frames=2, clip=1), r'clip=1, expected one of 0\.\.0'),
    ],
)
def test_wrong_settings_are_told(cls: type, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        cls(**kwargs)
