"""Spiking feature pyramid."""

import pytest
import torch
from contract import real_valued_inputs

from spikedense.models.necks import SpikeFPN
from spikedense.registry import MODELS

CHANNELS = [4, 8, 16, 24]


def maps(T: int = 2, sizes=((16, 24), (8, 12), (4, 6), (4, 6))) -> list[torch.Tensor]:
    return [torch.randn(T, 1, c, *s) for c, s in zip(CHANNELS, sizes, strict=True)]


@pytest.mark.parametrize('norm_cfg', [None, dict(type='BN')])
@pytest.mark.parametrize('extra', [False, 'on_input'])
def test_levels(norm_cfg, extra) -> None:
    neck = SpikeFPN(CHANNELS, 8, 6, add_extra_convs=extra, norm_cfg=norm_cfg).eval()
    outs = neck(maps())
    sizes = [(16, 24), (8, 12), (4, 6), (4, 6), (2, 3), (1, 2)]
    assert [o.shape for o in outs] == [(2, 1, 8, *s) for s in sizes]
    assert real_valued_inputs(neck, maps()) == []


def test_odd_sizes() -> None:
    neck = SpikeFPN(CHANNELS, 8)
    sizes = ((19, 31), (10, 16), (5, 8), (5, 8))
    assert [o.shape[-2:] for o in neck(maps(1, sizes))] == [torch.Size(s) for s in sizes]


def test_plain_maps_are_one_step() -> None:
    neck, inputs = SpikeFPN(CHANNELS, 8), maps(1)
    for a, b in zip(neck(inputs), neck([x[0] for x in inputs]), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ('bias', 'norm_cfg', 'has_bias'),
    [('auto', None, True), ('auto', dict(type='BN'), False), (True, dict(type='BN'), True)],
)
def test_bias(bias, norm_cfg, has_bias) -> None:
    neck = SpikeFPN(CHANNELS, 8, bias=bias, norm_cfg=norm_cfg)
    assert {n.endswith('conv.bias') for n, _ in neck.named_parameters() if 'conv.b' in n} <= {True}
    assert (neck.fpn_convs[0].conv.bias is not None) == has_bias


def test_published_parameter_count() -> None:
    neck = SpikeFPN([32, 64, 128, 360], 128, bias=True, norm_cfg=dict(type='BN'))
    assert sum(p.numel() for p in neck.parameters()) == 667_648


def test_wrong_settings_are_told() -> None:
    with pytest.raises(ValueError, match='num_outs=3, expected at least 4'):
        SpikeFPN(CHANNELS, 8, 3)
    with pytest.raises(ValueError, match="add_extra_convs='on_output', expected False or"):
        MODELS.build(
            dict(
                type='spikedense.SpikeFPN',
                in_channels=CHANNELS,
                out_channels=8,
                num_outs=5,
                add_extra_convs='on_output',
            )
        )
    with pytest.raises(ValueError, match='got 2 inputs, expected 4'):
        SpikeFPN(CHANNELS, 8)(maps()[:2])
    with pytest.raises(ValueError, match="legacy_eval_clamp=1 with a neuron of type='LIF'"):
        SpikeFPN(CHANNELS, 8, neuron_cfg=dict(type='LIF'), legacy_eval_clamp=1)


@pytest.mark.parametrize('name', ['ILIF', 'NILIF'])
def test_legacy_clamp_is_of_prediction_alone(name: str) -> None:
    neck = SpikeFPN(CHANNELS, 8, neuron_cfg=dict(type=name, D=4), legacy_eval_clamp=1)
    plain = SpikeFPN(CHANNELS, 8, neuron_cfg=dict(type=name, D=4))
    plain.load_state_dict(neck.state_dict())
    x = [4 * m for m in maps()]
    for ours, expected in zip(neck(x), plain(x), strict=True):
        assert torch.equal(ours, expected)
    neuron = neck.eval().lateral_convs[0].neuron
    assert neuron.D == 1
    counts = neuron(x[0]) * neuron.scale
    assert counts.max() == 1 and not torch.equal(neck(x)[0], plain(x)[0])
