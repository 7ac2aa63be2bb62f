"""Models whose parts do not fit each other, or their data."""

from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from spikedense.checks.model import check_widths, classifier
from spikedense.errors import UserError
from spikedense.utils.config_path import config_root, list_configs


def build(name: str, **options: object) -> nn.Module:
    (path,) = [n for n in list_configs() if n.endswith(f'{name}.py')]
    cfg = Config.fromfile(config_root() / path)
    cfg.merge_from_dict(options)
    init_default_scope(cfg.default_scope)
    return MODELS.build(cfg.model)


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


def head(**values: object) -> SimpleNamespace:
    return SimpleNamespace(**values)


def stages(*numbers: int) -> nn.ModuleList:
    heads = nn.ModuleList(nn.Identity() for _ in numbers)
    for stage, number in zip(heads, numbers, strict=True):
        stage.num_classes = number
    return heads


@pytest.mark.parametrize(
    ('heads', 'found'),
    [
        (dict(decode_head=head(num_classes=19, out_channels=19)), ('decode_head', 19)),
        # Of one map mmseg makes two labels, whatever the head says of classes.
        (dict(decode_head=head(num_classes=2, out_channels=1)), ('decode_head', 2)),
        (dict(decode_head=head(num_classes=1, out_channels=1)), ('decode_head', 2)),
        (dict(decode_head=stages(5, 6)), ('decode_head', 6)),
        (dict(bbox_head=head(num_classes=80)), ('bbox_head', 80)),
        (dict(roi_head=head(bbox_head=head(num_classes=80))), ('roi_head.bbox_head', 80)),
        (dict(roi_head=head(bbox_head=stages(8, 8, 8))), ('roi_head.bbox_head', 8)),
        (
            dict(
                roi_head=head(bbox_head=head(num_classes=80)),
                panoptic_fusion_head=head(num_classes=133),
            ),
            ('panoptic_fusion_head', 133),
        ),
        (dict(backbone=head()), None),
    ],
)
def test_number_of_classes(heads: dict, found: tuple[str, int] | None) -> None:
    model = nn.Module()
    for name, part in heads.items():
        setattr(model, name, part)
    assert classifier(model) == found
    assert classifier(nn.DataParallel(model)) == found
