"""Spiking classification head inside mmpretrain's classifier."""

from typing import Any

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.structures import DataSample

from spikedense.models.cls_heads import SpikeClsHead
from spikedense.neurons import BaseNeuron, build_neuron


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


def test_the_second_classifier_alone_may_read_spikes() -> None:
    neuron = dict(type='NILIF', D=4, norm=1)
    head = SpikeClsHead(4, 3, distilled=True, neuron_cfg=neuron, neuron_at='second')
    feats = [torch.randn(2, 5, 4, 6, 6)]
    membrane = feats[0].mean((-2, -1))
    spikes = head.neuron(membrane)
    first, second = head.logits(feats)
    torch.testing.assert_close(first, head.fc(membrane).mean(0))
    torch.testing.assert_close(second, head.fc_kd(spikes).mean(0))
    torch.testing.assert_close(head(feats), (first + second) / 2)
    samples = [DataSample().set_gt_label(i % 3) for i in range(5)]
    each = [head._get_loss(one, samples)['loss'] for one in (first, second)]
    torch.testing.assert_close(head.loss(feats, samples)['loss'], sum(each) / 2)
    with pytest.raises(ValueError, match="neuron_at='second', expected distilled=True"):
        SpikeClsHead(4, 3, neuron_at='second')


NEURON = dict(type='NILIF', D=4, norm=1)


def head(**kwargs: Any) -> SpikeClsHead:
    """A head in float64 of four channels."""
    return SpikeClsHead(4, 3, neuron_cfg=NEURON, **kwargs).double()


@pytest.mark.parametrize('place', ['vector', 'map', 'nowhere'])
def test_the_neuron_has_three_places(place: str) -> None:
    x = 4 * torch.rand(2, 5, 4, 3, 3, dtype=torch.float64)
    neuron = build_neuron(NEURON)
    expected = {
        'vector': lambda: neuron(x.mean((-2, -1))),
        'map': lambda: neuron(x).mean((-2, -1)),
        'nowhere': lambda: x.mean((-2, -1)),
    }[place]()
    model = head(neuron_at=place)
    found = model.pre_logits([x])
    assert torch.equal(found, expected)
    assert torch.equal(found, found.round()) == (place == 'vector')
    torch.testing.assert_close(model([x]), model.fc(found).mean(0))


def test_another_place_is_told() -> None:
    with pytest.raises(ValueError, match="neuron_at='end', expected one of"):
        head(neuron_at='end')


def test_a_head_without_neuron_or_bias() -> None:
    model = head(neuron_at='nowhere', bias=False)
    assert not any(isinstance(module, BaseNeuron) for module in model.modules())
    assert [name for name, _ in model.named_parameters()] == ['fc.weight']
