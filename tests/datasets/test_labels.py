"""The loader of label maps with other numbers."""

from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import TRANSFORMS, init_default_scope
from PIL import Image

from spikedense.datasets.labels import LoadAnnotations
from spikedense.errors import UserError


def test_labels_are_mapped_last(tmp_path: Path) -> None:
    init_default_scope('mmseg')
    stored = np.array([[0, 1, 11, 255]], np.uint8).repeat(2, 0)
    Image.fromarray(stored).save(tmp_path / 'a.png')
    load = TRANSFORMS.build(dict(type='spikedense.LoadAnnotations', label_map={0: 5, 10: 255}))
    entry = dict(seg_map_path=str(tmp_path / 'a.png'), reduce_zero_label=True, seg_fields=[])
    # reduce_zero_label makes 0 void, 1 to 0 and 11 to 10.
    assert load(entry)['gt_seg_map'][0].tolist() == [255, 5, 255, 255]
    load = TRANSFORMS.build(dict(type='spikedense.LoadAnnotations', label_map={255: 1, 1: 255}))
    entry = dict(seg_map_path=str(tmp_path / 'a.png'), reduce_zero_label=False, seg_fields=[])
    assert load(entry)['gt_seg_map'][0].tolist() == [0, 255, 11, 1]


@pytest.mark.parametrize('wrong', [{-1: 0}, {256: 0}, {0: 300}, {0: -1}, {'0': 1}, {0: 1.5}])
def test_labels_that_no_map_can_hold(wrong: dict) -> None:
    with pytest.raises(UserError, match=r'label_map=.*expected whole numbers from 0 to 255'):
        LoadAnnotations(label_map=wrong)
