"""Models whose parts do not read what the parts before them give."""

import pytest
import torch
from built_models import build
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from spikedense.checks.widths import check_widths
from spikedense.errors import UserError

SPIKE2FORMER = 'spike2former_sdtv3-demo_1xb8-680i_demo-128x128'
PANOPTIC = 'spike2former_sdtv3-demo_1xb8-680i_demo-panoptic-128x128'
FPN = 'fpn_sdtv3-2.7m_1xb4-2400i_camvid-240x180'
ANN_HEAD = 'fpn-ann_sdtv3-2.7m_1xb4-2400i_camvid-240x180'


@pytest.mark.parametrize('name', [SPIKE2FORMER, PANOPTIC, FPN])
def test_shipped_ones_fit(name: str) -> None:
    check_widths(build(name))


@pytest.mark.parametrize(
    ('name', 'options', 'message'),
    [
        (
            SPIKE2FORMER,
            {'model.backbone.out_indices': (0, 1, 2, 3)},
            r'decode_head.in_channels=\[8, 16, 32, 96\], but with out_indices=\(0, 1, 2, 3\) the '
            r'backbone gives \[8, 16, 32, 64\]',
        ),
        (
            PANOPTIC,
            {'model.panoptic_head.in_channels': [8, 16, 32, 95]},
            r'panoptic_head.in_channels=\[8, 16, 32, 95\]',
        ),
        (FPN, {'model.backbone.out_indices': (1, 2, 4)}, r'neck.in_channels=\[12, 24, 48, 128\]'),
    ],
)
def test_widths_that_differ(name: str, options: dict, message: str) -> None:
    model = build(name, **options)
    with pytest.raises(UserError, match=message):
        check_widths(model)


def test_a_wrapped_model_is_looked_into() -> None:
    model = build(SPIKE2FORMER, **{'model.backbone.out_indices': (0, 1, 2, 3)})
    with pytest.raises(UserError):
        check_widths(nn.DataParallel(model))


def stock(scope: str, **model: object) -> nn.Module:
    init_default_scope(scope)
    return MODELS.build(model)


RESNET = dict(type='ResNet', depth=18, out_indices=(0, 1, 2, 3))
FCN = dict(type='FCNHead', channels=8, num_classes=3)


@pytest.mark.parametrize(
    ('head', 'said'),
    [
        (dict(in_channels=512, in_index=3), None),
        (dict(in_channels=512, in_index=-1), None),
        (dict(in_channels=[64, 512], in_index=[0, 3], input_transform='resize_concat'), None),
        (
            dict(in_channels=2048, in_index=3),
            r'decode_head.in_channels=2048, but with out_indices=\(0, 1, 2, 3\) the backbone gives '
            r'\[64, 128, 256, 512\], and in_index=3 reads \[512\]',
        ),
        (dict(in_channels=512, in_index=4), 'decode_head.in_index=4, but with'),
        (
            dict(in_channels=[64, 500], in_index=[0, 3], input_transform='resize_concat'),
            r'the sum of model.decode_head.in_channels is 564, but .* reads \[64, 512\]',
        ),
    ],
)
def test_stock_segmentors(head: dict, said: str | None) -> None:
    model = stock(
        'mmseg', type='EncoderDecoder', backbone=RESNET, decode_head={**FCN, **head}, test_cfg={}
    )
    before = model.backbone.bn1.running_mean.clone()
    if said is None:
        check_widths(model)
    else:
        with pytest.raises(UserError, match=said):
            check_widths(model)
    assert torch.equal(model.backbone.bn1.running_mean, before)
    assert model.training


def test_auxiliary_heads() -> None:
    heads = [{**FCN, 'in_channels': width, 'in_index': 2} for width in (256, 512)]
    decode_head = {**FCN, 'in_channels': 512, 'in_index': 3}
    model = stock(
        'mmseg',
        type='EncoderDecoder',
        backbone=RESNET,
        decode_head=decode_head,
        auxiliary_head=heads,
    )
    with pytest.raises(UserError, match=r'auxiliary_head\.1\.in_channels=512, but'):
        check_widths(model)


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({}, None),
        ({'model.neck.in_channels': [16, 32, 64, 128]}, r'neck.in_channels=\[16, 32, 64, 128\]'),
        ({'model.rpn_head.in_channels': 32}, 'rpn_head.in_channels=32, but the neck gives'),
        (
            {'model.roi_head.bbox_roi_extractor.out_channels': 32},
            'roi_head.bbox_roi_extractor.out_channels=32, but the neck gives',
        ),
        (
            {'model.roi_head.mask_head.in_channels': 32},
            'roi_head.mask_head.in_channels=32, but its RoI extractor gives',
        ),
    ],
)
def test_detectors(options: dict, said: str | None) -> None:
    name = 'mask-rcnn_sdtv3-2.7m_1xb4-2400i_pennfudan-256x192'
    model = build(name, **options)
    if said is None:
        check_widths(model)
    else:
        with pytest.raises(UserError, match=said):
            check_widths(model)


def test_a_stock_mask_classifier() -> None:
    name = 'mask2former_r50_1xb8-680i_demo-128x128'
    check_widths(build(name))
    wrong = build(name, **{'model.decode_head.in_channels': [256, 512, 1024, 2000]})
    with pytest.raises(UserError, match=r'decode_head.in_channels=\[256, 512, 1024, 2000\], but'):
        check_widths(wrong)


@pytest.mark.parametrize(('width', 'fits'), [(512, True), (500, False)])
def test_stock_classifiers(width: int, fits: bool) -> None:
    model = stock(
        'mmpretrain',
        type='ImageClassifier',
        backbone=dict(type='ResNet', depth=18),
        neck=dict(type='GlobalAveragePooling'),
        head=dict(type='LinearClsHead', in_channels=width, num_classes=3),
    )
    if fits:
        check_widths(model)
    else:
        with pytest.raises(UserError, match=r'head.in_channels=500, but the neck gives \[512\]'):
            check_widths(model)


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({'mean': [0.0], 'std': [255.0], 'bgr_to_rgb': False}, None),
        (
            {'mean': [0.0] * 3, 'std': [255.0], 'bgr_to_rgb': False},
            'mean has 3 values, expected 1,',
        ),
        ({'mean': [0.0], 'std': [1.0] * 3, 'bgr_to_rgb': False}, 'std has 3 values, expected 1,'),
        ({'mean': [0.0], 'std': [255.0], 'bgr_to_rgb': True}, 'expected bgr_to_rgb=False'),
    ],
)
def test_images_of_one_channel(options: dict, said: str | None) -> None:
    prefixed = {f'model.data_preprocessor.{key}': value for key, value in options.items()}
    model = build(FPN, **{'model.backbone.in_channels': 1}, **prefixed)
    if said is None:
        check_widths(model)
    else:
        with pytest.raises(UserError, match=said):
            check_widths(model)
