"""Stated results: where they are read, and when they hold."""

from pathlib import Path

import numpy as np
import pytest

from spikedense.apis import verify as module
from spikedense.apis.verify import Claim, Verification
from spikedense.engine import ImagePrediction
from spikedense.utils.config_path import config_root


def test_metafile_names_are_found_in_a_test() -> None:
    config = config_root() / 'mask_rcnn' / 'mask-rcnn_sdtv3-2.7m_1xb4-2400i_pennfudan-256x192.py'
    stated = module._of_metafile(config)
    found = {'coco/segm_mAP': 0.409, 'coco/segm_mAP_50': 0.858}
    found |= {'coco/bbox_mAP': 0.5234, 'coco/bbox_mAP_50': 0.9}
    claims = {c.metric: c for c in module._claims(stated, found, None, named=False)}
    assert [name for name, claim in claims.items() if not claim.holds] == ['box AP50']
    assert claims['box AP'].tolerance == pytest.approx(0.1)


@pytest.mark.parametrize(('found', 'holds'), [(60.1, True), (60.3, True), (60.31, False)])
def test_a_unit_of_the_last_digit_is_accepted(found: float, holds: bool) -> None:
    stated = module._expected({'mIoU': '60.2'})
    (claim,) = module._claims(stated, {'mIoU': found}, None, named=True)
    assert claim.holds is holds


def test_one_source_is_enough_and_an_energy_is_no_claim_of_a_test() -> None:
    claims = [
        Claim('paper', 'mIoU', 33.6, 34.9, 0.1),
        Claim('paper', 'Energy (mJ)', 10, None, 0.1),
        Claim('code', 'mIoU', 34.9, 34.9, 0.1),
    ]
    found = Verification('', 'float64', {'mIoU': (34.9, 34.9)}, claims, 1, {})
    assert found.as_stated and found.equal
    assert not Verification('', 'float64', {}, claims[:2], 1, {}).as_stated


def detections(order: list[int], shift: float = 0.0) -> ImagePrediction:
    boxes = np.array([[0, 0, 9, 9], [5, 5, 20, 30], [1, 1, 3, 3.0]])[order] + shift
    kinds = np.empty(3, object)
    kinds[:] = [(label, b'mask') for label in (0, 1, 1)]
    return ImagePrediction(
        '', boxes=boxes, scores=np.array([0.5, 0.5, 0.4])[order], kinds=kinds[order]
    )


def test_detections_are_compared_in_any_order() -> None:
    mine = detections([0, 1, 2])
    assert mine.difference(detections([1, 0, 2], shift=1e-4)) is None
    assert mine.difference(detections([0, 1, 2], shift=1.0)) == '3 of 3 detections'
    fewer = detections([0, 1, 2])
    fewer.boxes, fewer.scores, fewer.kinds = fewer.boxes[:2], fewer.scores[:2], fewer.kinds[:2]
    assert mine.difference(fewer) == fewer.difference(mine) == '1 of 3 detections'


def test_a_checkpoint_must_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / 'weights.pth'
    path.write_bytes(b'abc')
    assert module._sha256(str(path)).startswith('ba7816bf')
    with pytest.raises(module.UserError, match='expected a file'):
        module._sha256('https://example.org/weights.pth')
