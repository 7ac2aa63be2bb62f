"""Segmentation logits of the published head, beside its outputs and losses."""

import pytest
import torch
from golden import Golden, goldens
from twins import TWINS

CASES = [g for g in goldens() if 'seg_logits_stride4' in g.arrays]


@pytest.mark.skipif(not CASES, reason='no golden logits: set REFERENCE_DIR to their folder')
@pytest.mark.parametrize('golden', CASES, ids=lambda g: g.name)
def test_logits(golden: Golden) -> None:
    twin = TWINS[golden.official_class](golden)
    twin.load(golden)
    inputs = golden.inputs()
    size = golden.arrays['gt'].shape[-2:]
    metas = [dict(img_shape=size) for _ in golden.arrays['gt']]
    with torch.no_grad():
        logits = twin.module.eval().predict([inputs[k] for k in sorted(inputs)], metas, None)
    golden.assert_close(
        'seg_logits_stride4', logits[:, :, ::4, ::4], golden.arrays['seg_logits_stride4']
    )
