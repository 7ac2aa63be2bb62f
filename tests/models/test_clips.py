"""A segmentor of clips: training, prediction, and the tools that look into it."""

import copy

import numpy as np
import pytest
import torch
from clip_models import NUM_CLASSES, SIZE, T, clip_batch, clip_segmentor
from mmseg.models import SegTTAModel

from spikedense.analysis.energy_report import energy_report
from spikedense.analysis.erf import st_erf
from spikedense.analysis.firing import FiringMeter
from spikedense.checks.channels import check_first_image, known_channels
from spikedense.checks.clips import check_clips, check_frame_metrics
from spikedense.checks.widths import check_widths
from spikedense.deploy import to_spike_inference
from spikedense.errors import UserError
from spikedense.evaluation import ClassIoUMetric, ClipIoUMetric
from spikedense.neurons import set_stateful
from spikedense.utils.images import random_images

both = pytest.mark.parametrize('label_frames', ['key', 'all'])


def clips(batch: int = 1) -> torch.Tensor:
    return torch.randn(batch, T, 3, *SIZE)


def test_the_backbone_takes_a_clip_in_three_forms() -> None:
    net, x = clip_segmentor().backbone, clips(2)
    net.out_time = 'keep'
    steps = net(x.transpose(0, 1))
    for form in (x.flatten(1, 2), x.flatten(0, 1)):
        for found, expected in zip(net(form), steps, strict=True):
            assert torch.equal(found, expected)
    # The steps see different frames, and no other clip.
    assert not torch.equal(steps[-1][0], steps[-1][1])
    assert torch.equal(net(x[1:].flatten(1, 2))[-1], steps[-1][:, 1:])
    net.out_time = 'last'
    assert torch.equal(net(x.flatten(1, 2))[-1], steps[-1][-1])
    net.out_time = 'frames'
    assert torch.equal(net(x.flatten(1, 2))[-1], steps[-1].transpose(0, 1).flatten(0, 1))
    with pytest.raises(UserError, match=r'a clip has 5 frame\(s\), but model.backbone.T=3'):
        net(torch.zeros(1, 15, *SIZE))


def test_a_clip_of_equal_frames_is_a_repeated_image() -> None:
    net, image = clip_segmentor(out_time='keep').backbone, torch.randn(2, 3, *SIZE)
    clip = net(image.repeat(1, T, 1, 1))
    net.clips = False
    for found, expected in zip(clip, net(image), strict=True):
        torch.testing.assert_close(found, expected)


@both
def test_it_trains_and_predicts(label_frames: str) -> None:
    model = clip_segmentor(label_frames)
    check_widths(model)
    number = 2 * T if label_frames == 'all' else 2
    data = model.data_preprocessor(clip_batch(label_frames), True)
    model.train()(**data, mode='loss')['decode.loss_ce'].backward()
    assert model.backbone.stages[0].downsample.conv.weight.grad.any()
    whole = model.eval().test_step(clip_batch(label_frames))
    assert [one.seg_logits.data.shape for one in whole] == [(NUM_CLASSES, *SIZE)] * number
    assert all(one.gt_sem_seg.data.shape == (1, *SIZE) for one in whole)


@both
def test_sliding_windows_and_test_time_augmentation(label_frames: str) -> None:
    model, batch = clip_segmentor(label_frames), clip_batch(label_frames)
    whole = model.test_step(copy.deepcopy(batch))
    model.test_cfg = model.test_cfg.__class__(mode='slide', crop_size=SIZE, stride=SIZE)
    slid = model.test_step(copy.deepcopy(batch))
    for one, other in zip(whole, slid, strict=True):
        torch.testing.assert_close(one.seg_logits.data, other.seg_logits.data)
    model.test_cfg.update(crop_size=(32, 32), stride=(16, 16))
    assert len(model.test_step(copy.deepcopy(batch))) == len(whole)
    model.test_cfg.mode = 'whole'
    twice = dict(
        inputs=[[clip, clip] for clip in batch['inputs']],
        data_samples=[[copy.deepcopy(one), one] for one in batch['data_samples']],
    )
    twice = {key: [list(one) for one in zip(*value, strict=True)] for key, value in twice.items()}
    merged = SegTTAModel(module=model).test_step(twice)
    for one, other in zip(merged, whole, strict=True):
        assert torch.equal(one.pred_sem_seg.data, other.pred_sem_seg.data)


@both
def test_tools_count_the_steps_of_a_clip(label_frames: str) -> None:
    model = clip_segmentor(label_frames)
    assert known_channels(model) == 3 * T
    x = random_images(model, SIZE)
    assert x.shape == (1, 3 * T, *SIZE)
    report = energy_report(model, [x])
    assert (report['T'], report['images']) == (T, 1)
    stem = next(row for row in report['layers'] if row['name'].startswith('backbone.stages.0'))
    # Each frame passes the stem once: 3 -> 4 channels, 7 x 7, stride 2.
    assert stem['macs'] == T * 3 * 4 * 49 * 16 * 24
    with FiringMeter(model) as meter:
        model(x)
    assert len(meter.statistics()['backbone.stages.1.downsample.neuron'].per_step) == T


@both
def test_the_spike_driven_twin_is_equal(label_frames: str) -> None:
    model = clip_segmentor(label_frames).double()
    x = clips(1).flatten(1, 2).double()
    twin, _ = to_spike_inference(model, x)
    torch.testing.assert_close(twin(x), model(x))


def test_the_receptive_field_has_a_step_a_frame() -> None:
    model = clip_segmentor()
    found = st_erf(model, [clips().flatten(1, 2)], 'backbone.stages.2', t_out='last')
    (name,) = found.maps
    assert found.maps[name].shape == (T, *SIZE)
    assert (found.temporal(name) > 0).all()
    set_stateful(model, False)
    field = st_erf(model, [clips().flatten(1, 2)], 'backbone.stages.2', t_out='last').temporal(name)
    assert field[0] > 0 and not np.any(field[1:])


def test_parts_that_disagree_are_refused() -> None:
    for changes, words in (
        (dict(T=4), 'num_frames=3, but model.backbone.T=4'),
        (dict(clips=False), 'expected model.backbone.clips=True'),
        (dict(out_time='frames'), "out_time='frames', but .*label_frames='key', expected 'keep'"),
    ):
        with pytest.raises(UserError, match=words):
            check_clips(clip_segmentor(**changes))
    model = clip_segmentor()
    with pytest.raises(UserError, match=r"the clip of '0.jpg' has 5 frame\(s\)"):
        check_first_image(model, clip_batch(frames=5), 3 * T)
    del model.data_preprocessor.num_frames
    with pytest.raises(UserError, match='expected a preprocessor of clips'):
        check_clips(model)


def test_frames_are_all_counted() -> None:
    model, batch = clip_segmentor('all'), clip_batch('all')
    samples = [one.to_dict() for one in model.test_step(copy.deepcopy(batch))]
    metrics = [ClassIoUMetric(), ClipIoUMetric(), ClipIoUMetric(skip=1)]
    for metric in metrics:
        metric.dataset_meta = dict(classes=tuple('abcd'))
        metric.process(batch, samples)
    stock, ours, later = (metric.results for metric in metrics)
    assert len(stock) == 2 * T and len(ours) == len(later) == 2
    pixels = SIZE[0] * SIZE[1]
    assert [int(areas[3].sum()) for areas in ours] == [T * pixels] * 2
    assert [int(areas[3].sum()) for areas in later] == [(T - 1) * pixels] * 2
    for i in range(4):
        assert torch.equal(sum(a[i] for a in stock), sum(a[i] for a in ours))
    check_frame_metrics(model, type('', (), dict(metrics=metrics[1:])))
    with pytest.raises(UserError, match=r'ClassIoUMetric.*expected spikedense\.ClipIoUMetric'):
        check_frame_metrics(model, type('', (), dict(metrics=metrics)))
