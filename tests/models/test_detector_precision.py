"""Detectors under autocast: layers in bfloat16; boxes, losses and mmcv's ops in float32."""

import pytest
import torch
from reduced_models import build_model, random_batch, reduced_config

from spikedense.utils.config_path import config_root

DETECTORS = {
    'mask_rcnn': 'mask_rcnn/mask-rcnn_sdtv3-demo_1xb4-600i_demo-instance-128x128.py',
    'retinanet': 'retinanet/retinanet_sdtv3-demo_1xb4-600i_demo-instance-128x128.py',
}


@pytest.mark.parametrize('name', DETECTORS)
def test_trains_and_predicts_in_bfloat16(name: str) -> None:
    cfg = reduced_config(str(config_root() / DETECTORS[name]))
    model = build_model(cfg)
    model.init_weights()
    batch = random_batch(cfg)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert model.extract_feat(torch.randn(1, 3, 64, 96))[0].dtype == torch.bfloat16
        losses = model(**model.data_preprocessor(batch, True), mode='loss')
        found = model.eval().test_step(batch)
    loss, _ = model.parse_losses(losses)
    assert loss.dtype == torch.float32 and torch.isfinite(loss)
    loss.backward()
    for sample in found:
        assert sample.pred_instances.bboxes.dtype == torch.float32
        assert torch.isfinite(sample.pred_instances.bboxes).all()
