"""Conversion of whole state dicts."""

import pytest
import torch

from spikedense.converters import Family, any_key, convert_state_dict


@pytest.mark.parametrize(
    ('official', 'ours'),
    [
        ('downsample1_1.encode_conv.bias', 'backbone.stages.0.downsample.conv.bias'),
        ('backbone.downsample4.encode_bn.weight', 'backbone.stages.4.downsample.norm.weight'),
        (
            'ConvBlock2_2.0.Conv.pwconv1.weight',
            'backbone.stages.2.blocks.1.branches.token_mixer.expand.conv.weight',
        ),
        (
            'ConvBlock1_1.0.Conv.pwconv2.1.bias',
            'backbone.stages.0.blocks.0.branches.token_mixer.project.norm.bias',
        ),
        (
            'block3.5.attn.q_conv.0.body.1.bn.running_mean',
            'backbone.stages.3.blocks.5.branches.attn.q_conv.conv.border_norm.norm.running_mean',
        ),
        (
            'block4.1.attn.proj_conv.0.weight',
            'backbone.stages.4.blocks.1.branches.attn.out_proj.conv.weight',
        ),
        ('block3.0.layer_scale2', 'backbone.stages.3.blocks.0.scales.attn.weight'),
        ('neck.lateral_convs.0.1.0.conv.weight', 'neck.lateral_convs.0.conv.weight'),
        ('neck.fpn_convs.3.1.running_var', 'neck.fpn_convs.3.norm.running_var'),
        ('decode_head.scale_heads.3.4.2.weight', 'decode_head.scale_heads.3.convs.2.norm.weight'),
        ('decode_head.scale_heads.3.2.1.0.bn.bias', 'decode_head.scale_heads.3.convs.2.norm.bias'),
        ('decode_head.conv_seg.bias', 'decode_head.conv_seg.bias'),
        ('head.weight', 'head.fc.weight'),
        ('head_kd.bias', 'head.fc_kd.bias'),
    ],
)
def test_keys(official: str, ours: str) -> None:
    assert list(convert_state_dict({official: torch.zeros(1)}).state_dict) == [ours]


@pytest.mark.parametrize(
    'key', ['block3.0.attn.r_conv.0.weight', 'block5.0.mlp.fc1_bn.bias', 'neck.extra.weight', 'w']
)
def test_unknown_keys_are_told(key: str) -> None:
    report = convert_state_dict({key: torch.zeros(1)})
    assert report.unexpected == [key]
    assert report.state_dict == {}


def test_token_convolutions_become_map_convolutions() -> None:
    key = 'block3.0.mlp.fc1_conv.weight'
    (value,) = convert_state_dict({key: torch.zeros(8, 4, 1)}).state_dict.values()
    assert value.shape == (8, 4, 1, 1)


def test_weights_that_are_never_computed_are_dropped() -> None:
    family = Family(
        'own',
        any_key('scores'),
        lambda key: f'ours.{key}' if key.startswith('a.') else None,
        prefix='backbone.',
        dropped=r'a\.scores\.',
    )
    state = dict.fromkeys(('a.weight', 'a.scores.weight', 'b.a.scores.weight'), torch.zeros(1))
    for prefix in ('', 'backbone.'):
        given = {prefix + key: value for key, value in state.items()}
        report = convert_state_dict(given, [family])
        assert list(report.state_dict) == ['backbone.ours.a.weight']
        assert report.dropped == [f'{prefix}a.scores.weight']
        assert report.unexpected == [f'{prefix}b.a.scores.weight']
