"""A string where a list of class names is meant."""

from pathlib import Path
from typing import Any

import pytest
from mmengine.registry import init_default_scope
from mmseg.datasets import BaseSegDataset

from spikedense.checks.dataset import with_checks
from spikedense.errors import UserError


class Sky(BaseSegDataset):
    METAINFO = dict(classes=('sky'))  # the comma of a tuple of one is missing


@pytest.mark.parametrize(
    ('scope', 'cfg'),
    [
        ('mmseg', dict(type='BaseSegDataset', metainfo=dict(classes='sky'))),
        ('mmseg', dict(type='ADE20KDataset', metainfo=dict(classes='sky'))),
        ('mmdet', dict(type='CocoDataset', metainfo=dict(classes='sky'))),
        ('mmpretrain', dict(type='CustomDataset', metainfo=dict(classes='sky'))),
        ('mmpretrain', dict(type='CustomDataset', classes='sky')),
        ('mmdet', dict(type='CocoPanopticDataset', metainfo=dict(thing_classes='sky'))),
        ('mmseg', dict(type=Sky)),
    ],
)
def test_a_string_is_refused_in_any_data_set(scope: str, cfg: dict) -> None:
    init_default_scope(scope)
    wrapped = dict(type='RepeatDataset', times=2, dataset=cfg)
    for config in (cfg, wrapped, dict(type='ConcatDataset', datasets=[cfg])):
        with pytest.raises(UserError, match=r"classes.*'sky' is a string, expected a tuple"):
            with_checks(config)


@pytest.mark.parametrize('names', [('sky',), ['sky'], None])
def test_lists_pass(names: Any) -> None:
    init_default_scope('mmseg')
    with_checks(dict(type='BaseSegDataset', metainfo=dict(classes=names)))


def test_a_file_of_names_passes(tmp_path: Path) -> None:
    init_default_scope('mmpretrain')
    (tmp_path / 'names.txt').write_text('sky\n')
    with_checks(dict(type='CustomDataset', classes=str(tmp_path / 'names.txt')))


def test_a_number_is_refused() -> None:
    init_default_scope('mmseg')
    with pytest.raises(UserError, match=r'metainfo\.classes=3, expected a tuple of names'):
        with_checks(dict(type='BaseSegDataset', metainfo=dict(classes=3)))
