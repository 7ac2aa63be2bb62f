"""Clips in the data preprocessors of the three libraries."""

from typing import Any

import pytest
import torch
from clip_models import NORM, SIZE, T, clip_batch
from mmdet.models.data_preprocessors import DetDataPreprocessor
from mmdet.structures import DetDataSample
from mmpretrain.models.utils import ClsDataPreprocessor
from mmseg.models import SegDataPreProcessor
from torch import Tensor

from spikedense.errors import UserError
from spikedense.registry import MODELS

NO_SWAP = {key: value for key, value in NORM.items() if key != 'bgr_to_rgb'}
KINDS = {
    'Seg': (SegDataPreProcessor, dict(NORM, size=(40, 48))),
    'Det': (DetDataPreprocessor, dict(NORM, pad_size_divisor=10)),
    'Cls': (ClsDataPreprocessor, dict(NO_SWAP, to_rgb=True, pad_size_divisor=10)),
}


@pytest.mark.parametrize('kind', KINDS)
def test_each_frame_is_what_the_library_makes_of_an_image(kind: str) -> None:
    stock, args = KINDS[kind]
    ours = MODELS.build(dict(type=f'spikedense.Clip{kind}DataPreprocessor', num_frames=T, **args))
    clips = clip_batch()['inputs']

    def batch(inputs: list[Tensor]) -> dict[str, Any]:
        samples = [DetDataSample() for _ in inputs] if kind == 'Det' else None
        if kind == 'Seg':
            samples = clip_batch(batch=len(inputs))['data_samples']
        return dict(inputs=inputs, data_samples=samples)

    found = ours(batch(clips), training=kind == 'Seg')['inputs']
    for t in range(T):
        frames = [clip[3 * t : 3 * t + 3] for clip in clips]
        expected = stock(**args)(batch(frames), training=kind == 'Seg')['inputs']
        assert torch.equal(found[:, 3 * t : 3 * t + 3], expected)


def test_with_labels_of_all_frames_each_frame_is_a_sample() -> None:
    args = dict(type='spikedense.ClipSegDataPreprocessor', num_frames=T, size=SIZE, **NORM)
    clips = MODELS.build(args)
    frames = MODELS.build(dict(args, label_frames='all'))
    batch = clip_batch('all')
    batch['data_samples'][1].set_metainfo(dict(clip_paths=['a', 'b', 'c']))
    labels = torch.cat([one.gt_sem_seg.data for one in batch['data_samples']])
    found = frames(batch, training=True)
    expected = clips(dict(clip_batch(), inputs=batch['inputs']), training=True)['inputs']
    assert torch.equal(found['inputs'], expected.view(2 * T, 3, *SIZE))
    assert torch.equal(torch.cat([s.gt_sem_seg.data for s in found['data_samples']]), labels)
    paths = [sample.img_path for sample in found['data_samples']]
    assert paths == ['0.jpg'] * T + ['a', 'b', 'c']


@pytest.mark.parametrize(
    ('batch', 'words'),
    [
        (clip_batch(frames=5), r'a clip has 5 frame\(s\), but .*num_frames=3, expected 3 frames'),
        (clip_batch('all'), "label maps of 3 frame.*label_frames='key' and num_frames=3, expected"),
        (
            dict(inputs=[torch.zeros(10, 8, 8)], data_samples=None),
            'a clip has 10 channels, no whole number of frames',
        ),
    ],
)
def test_other_numbers_of_frames_are_refused(batch: dict[str, Any], words: str) -> None:
    args = dict(type='spikedense.ClipSegDataPreprocessor', num_frames=T, size=SIZE, **NORM)
    with pytest.raises(UserError, match=words):
        MODELS.build(args)(batch)


@pytest.mark.parametrize('wrong', [dict(num_frames=0), dict(num_frames=2, label_frames='first')])
def test_arguments_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=list(wrong)[-1]):
        MODELS.build(dict(type='spikedense.ClipSegDataPreprocessor', **wrong))
