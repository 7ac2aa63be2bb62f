"""Heads of models against the classes and the void label of the data."""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from built_models import build
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, init_default_scope
from torch import nn

from spikedense.checks.classes import (
    check_class_order,
    check_classes,
    check_image_labels,
    check_void,
    void_labels,
)
from spikedense.errors import UserError

SPIKE2FORMER = 'spike2former_sdtv3-demo_1xb8-680i_demo-128x128'
PANOPTIC = 'spike2former_sdtv3-demo_1xb8-680i_demo-panoptic-128x128'


def data(number: int, **metainfo: Any) -> Any:
    names = tuple(f'class {i}' for i in range(number))
    return SimpleNamespace(metainfo=dict(classes=names, **metainfo))


def head(**values: Any) -> nn.Module:
    found = nn.Identity()
    for name, value in values.items():
        setattr(found, name, value)
    return found


def model(**heads: Any) -> nn.Module:
    found = nn.Module()
    for name, part in heads.items():
        setattr(found, name, part)
    return found


@pytest.fixture
def warned(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    logger = MMLogger.get_instance('classes')
    logger.addHandler(caplog.handler)
    caplog.set_level(logging.WARNING)
    return caplog


@pytest.mark.parametrize('name', [SPIKE2FORMER, PANOPTIC])
def test_shipped_heads(name: str, warned: pytest.LogCaptureFixture) -> None:
    net = build(name)
    check_classes(net, data(9))
    check_classes(net, SimpleNamespace())
    assert not warned.records
    with pytest.raises(UserError, match=r'_head\.num_classes=9, but SimpleNamespace has 10'):
        check_classes(nn.DataParallel(net), data(10))


DETECTORS = {
    'roi_head.bbox_head': lambda n: dict(roi_head=model(bbox_head=head(num_classes=n))),
    'roi_head.mask_head': lambda n: dict(roi_head=model(mask_head=head(num_classes=n))),
    'roi_head.bbox_head.1': lambda n: dict(
        roi_head=model(bbox_head=nn.ModuleList([head(num_classes=9), head(num_classes=n)]))
    ),
    'bbox_head': lambda n: dict(bbox_head=head(num_classes=n)),
    'mask_head': lambda n: dict(mask_head=head(num_classes=n)),
    'head': lambda n: dict(head=head(num_classes=n)),
    'auxiliary_head.0': lambda n: dict(auxiliary_head=nn.ModuleList([head(num_classes=n)])),
}


@pytest.mark.parametrize(('key', 'heads'), DETECTORS.items(), ids=DETECTORS)
def test_too_few_classes(key: str, heads: Any, warned: pytest.LogCaptureFixture) -> None:
    check_classes(model(**heads(9)), data(9))
    assert not warned.records
    with pytest.raises(UserError, match=rf'^model\.{key}\.num_classes=8, but \w+ has 9 classes'):
        check_classes(model(**heads(8)), data(9))
    # Outputs without a class are wasted, but harmless.
    check_classes(model(**heads(10)), data(9))
    assert [r.levelname for r in warned.records] == ['WARNING']


def test_panoptic_detectors_know_the_things() -> None:
    fusion = head(num_things_classes=4, num_stuff_classes=5)
    net = model(roi_head=model(bbox_head=head(num_classes=4)), panoptic_fusion_head=fusion)
    things = tuple(f'class {i}' for i in range(4))
    check_classes(net, data(9, thing_classes=things))
    with pytest.raises(UserError, match=r'num_stuff_classes=5, but .* has 6 classes of stuff'):
        check_classes(net, data(10, thing_classes=things))


def test_heads_that_do_not_count_classes(warned: pytest.LogCaptureFixture) -> None:
    check_classes(model(decode_head=head(num_classes=1, out_channels=1)), data(2))
    check_classes(model(mask_head=head(num_classes=1, class_agnostic=True)), data(9))
    assert not warned.records


def test_labels_of_images(tmp_path: Path) -> None:
    init_default_scope('mmpretrain')
    (tmp_path / 'list.txt').write_text('a.jpg 0\nb.jpg 5\n')
    cfg = dict(type='CustomDataset', data_root=str(tmp_path), ann_file='list.txt', pipeline=[])
    images = DATASETS.build(cfg)
    check_image_labels(model(head=head(num_classes=6)), images)
    with pytest.raises(
        UserError, match=r"b\.jpg' of CustomDataset has gt_label=5, expected 0 to 4"
    ):
        check_image_labels(model(head=head(num_classes=5)), images)


def test_order_of_classes(warned: pytest.LogCaptureFixture) -> None:
    first = SimpleNamespace(metainfo=dict(classes=('cat', 'dog')))
    check_class_order(first, SimpleNamespace(metainfo=dict(classes=['cat', 'dog'])), 'x')
    with pytest.raises(UserError, match=r"class 0 is 'cat' .* and 'dog' in those of val_data"):
        check_class_order(
            first, SimpleNamespace(metainfo=dict(classes=('dog', 'cat'))), 'val_dataloader'
        )
    assert not warned.records
    check_class_order(first, SimpleNamespace(metainfo=dict(classes=('cat', 'hound'))), 'x')
    assert "class 1 is 'dog'" in warned.text


def test_void_of_head_loss_and_padding(warned: pytest.LogCaptureFixture) -> None:
    net = build(SPIKE2FORMER)
    check_void(net)
    assert [v.key for v in void_labels(net)] == ['model.decode_head.ignore_index']
    assert not warned.records
    net.decode_head.ignore_index = 0
    check_void(net)
    assert 'seg_pad_val=255, but model.decode_head.ignore_index=0' in warned.text
    net.decode_head.loss = head(ignore_index=255)
    with pytest.raises(UserError, match=r'ignore_index=0, but its Identity has ignore_index=255'):
        check_void(net)
