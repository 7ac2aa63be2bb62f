"""The head that labels the predictions of a model."""

from types import SimpleNamespace

import pytest
from torch import nn

from spikedense.checks.model import classifier


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
