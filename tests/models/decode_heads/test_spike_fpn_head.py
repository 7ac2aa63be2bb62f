"""Spiking Semantic-FPN head."""

import pytest
import torch
from contract import real_valued_inputs

from spikedense.models.decode_heads import SpikeFPNHead


def build(**kwargs) -> SpikeFPNHead:
    args = dict(
        in_channels=[8] * 4,
        in_index=[0, 1, 2, 3],
        feature_strides=[2, 4, 8, 16],
        channels=8,
        num_classes=5,
        norm_cfg=dict(type='BN'),
    )
    return SpikeFPNHead(**{**args, **kwargs}).eval()


def maps(T: int = 2, sizes=((16, 24), (8, 12), (4, 6), (2, 3))) -> list[torch.Tensor]:
    return [torch.randn(T, 1, 8, *s) for s in sizes]


@pytest.mark.parametrize('neuron_cfg', [dict(type='LIF'), dict(type='NILIF', D=4)])
def test_logits_at_the_finest_level_from_spikes_alone(neuron_cfg) -> None:
    head = build(neuron_cfg=neuron_cfg)
    assert head(maps()).shape == (1, 5, 16, 24)
    assert real_valued_inputs(head, maps()) == []


def test_only_ratios_of_strides_matter() -> None:
    a, b = build(), build(feature_strides=[4, 8, 16, 32])
    b.load_state_dict(a.state_dict())
    inputs = maps()
    assert torch.equal(a(inputs), b(inputs))
    assert [len(h.convs) for h in a.scale_heads] == [1, 1, 2, 3]


@pytest.mark.parametrize('sizes', [((19, 31), (10, 16), (5, 8), (3, 4)), ((9, 9),) * 4])
def test_odd_sizes(sizes) -> None:
    assert build()(maps(1, sizes)).shape[-2:] == sizes[0]


def test_plain_maps_are_one_step() -> None:
    head, inputs = build(), maps(1)
    assert torch.equal(head(inputs), head([x[0] for x in inputs]))


def test_published_parameter_count() -> None:
    head = build(in_channels=[128] * 4, channels=128, num_classes=150)
    assert sum(p.numel() for p in head.parameters()) == 1_053_334


def test_wrong_settings_are_told() -> None:
    with pytest.raises(ValueError, match='dropout_ratio must be 0'):
        build(dropout_ratio=0.1)
    with pytest.raises(ValueError, match='expected 4 of them'):
        build(feature_strides=[2, 4])
