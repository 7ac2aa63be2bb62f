"""Lists of losses with another length than the outputs of their head."""

import pytest
from built_models import build
from mmengine.registry import MODELS, init_default_scope

from spikedense.checks.loss_lists import check_loss_lists
from spikedense.errors import UserError

SPIKE2FORMER = 'spike2former_sdtv3-demo_1xb8-680i_demo-128x128'
FPN = 'fpn_sdtv3-2.7m_1xb4-2400i_camvid-240x180'
MASK_RCNN = 'mask-rcnn_sdtv3-2.7m_1xb4-2400i_pennfudan-256x192'

FPN_LOSS = 'model.decode_head.loss_decode.class_weight'
MASK_LOSS = 'model.decode_head.loss_cls.class_weight'


@pytest.mark.parametrize(
    ('name', 'options', 'said'),
    [
        (FPN, {}, None),
        (SPIKE2FORMER, {}, None),
        (MASK_RCNN, {}, None),
        (FPN, {FPN_LOSS: None}, None),
        (
            FPN,
            {'model.decode_head.num_classes': 3},
            f'{FPN_LOSS} has 11 values, expected 3 values, one for each output of the head '
            r'\(its classes\), or class_weight=None',
        ),
        (
            SPIKE2FORMER,
            {MASK_LOSS: [1.0] * 9},
            f'{MASK_LOSS} has 9 values, expected 10 values, .*9 classes and "nothing"',
        ),
        (SPIKE2FORMER, {MASK_LOSS: None}, f'{MASK_LOSS}=None, expected 10 values'),
        (
            FPN,
            {
                'model.decode_head.loss_decode': [
                    dict(type='CrossEntropyLoss'),
                    dict(type='FocalLoss', alpha=[0.5] * 4, loss_name='loss_focal'),
                ]
            },
            'model.decode_head.loss_decode.1.alpha has 4 values, expected 11',
        ),
        (
            MASK_RCNN,
            {'model.roi_head.bbox_head.loss_cls.class_weight': [1.0]},
            'roi_head.bbox_head.loss_cls.class_weight has 1 values, expected 2',
        ),
    ],
)
def test_lists_with_a_value_for_each_class(name: str, options: dict, said: str | None) -> None:
    model = build(name, **options)
    if said is None:
        check_loss_lists(model)
    else:
        with pytest.raises(UserError, match=said):
            check_loss_lists(model)


def test_a_loss_that_has_its_own_number_of_classes() -> None:
    init_default_scope('mmpretrain')
    loss = dict(type='LabelSmoothLoss', label_smooth_val=0.1, num_classes=5)
    model = MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(type='ResNet', depth=18),
            head=dict(type='LinearClsHead', in_channels=512, num_classes=3, loss=loss),
        )
    )
    with pytest.raises(
        UserError, match=r'loss_module\.num_classes=5, but model.head has 3 classes'
    ):
        check_loss_lists(model)
