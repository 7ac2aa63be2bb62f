"""Spiking classification head inside mmpretrain's classifier."""

import torch
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.structures import DataSample


def test_inside_an_image_classifier() -> None:
    cfg = dict(
        type='mmpretrain.ImageClassifier',
        backbone=dict(
            type='spikedense.SDTV3',
            arch=dict(embed_dims=(8, 16, 24, 32), depths=(1,) * 5, num_heads=2),
            out_indices=(4,),
        ),
        head=dict(
            type='spikedense.SpikeClsHead',
            in_channels=32,
            num_classes=3,
            distilled=True,
            loss=dict(type='mmpretrain.CrossEntropyLoss'),
        ),
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(cfg)
    images, samples = torch.randn(2, 3, 32, 32), [DataSample().set_gt_label(i) for i in (0, 2)]
    loss = model.loss(images, samples)['loss']
    loss.backward()
    assert torch.isfinite(loss)
    assert model.head.fc.weight.grad is not None
    assert model.head.fc_kd.weight.grad is not None
    scores = [s.pred_score for s in model.eval().predict(images, samples)]
    torch.testing.assert_close(torch.stack(scores).sum(1), torch.ones(2))
