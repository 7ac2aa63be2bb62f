"""What is particular to the Spike-driven Transformers V2 and V3."""

import math
from typing import Any

import pytest
import torch
from mmengine.registry import MODELS as ROOT_MODELS
from torch import nn

from spikedense.models.backbones import SDTV2, SDTV3
from spikedense.models.layers import DropPath, SpikeSeparableConv
from spikedense.models.layers.attention import SpikeSelfAttention
from spikedense.neurons import LIF, BaseNeuron

SMALL = dict(embed_dims=(8, 16, 24, 32), depths=(1, 1, 1, 1, 1), num_heads=2)


@pytest.mark.parametrize('cls', [SDTV2, SDTV3])
@pytest.mark.parametrize('stage4_stride', [1, 2])
def test_the_five_taps(cls: type, stage4_stride: int) -> None:
    model = cls(SMALL, out_indices=range(5), stage4_stride=stage4_stride)
    assert model.out_channels == (4, 8, 16, 24, 32)
    assert model.out_strides == (2, 4, 8, 16, 16 * stage4_stride)
    sizes = [tuple(out.shape[-2:]) for out in model(torch.randn(1, 3, 37, 61))]
    assert sizes == [(math.ceil(37 / s), math.ceil(61 / s)) for s in model.out_strides]


def test_drop_path_drops_whole_samples() -> None:
    drop = DropPath(0.5).train()
    kept = drop(torch.ones(3, 400, 2, 1, 1))
    assert set(kept.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(kept, kept[:1, :, :1].expand_as(kept))
    assert 100 < kept[0, :, 0].count_nonzero() < 300
    x = torch.ones(1, 4, 2, 1, 1)
    assert drop.eval()(x) is x


@pytest.mark.parametrize(
    ('cls', 'arch', 'count'),
    [
        (SDTV2, '15M', 14_751_208),
        (SDTV2, '31M', 31_333_864 - 481_000),
        (SDTV2, '55M', 55_350_248 - 641_000),
        (SDTV2, '124M', 123_741_160 - 961_000),
        (SDTV3, '2.7M', 2_702_048 - 129_000),
        (SDTV3, '5M', 4_912_608),
        (SDTV3, '10M', 9_782_112),
        (SDTV3, '19M', 18_626_504),
    ],
)
def test_parameter_counts_are_the_published_ones(cls, arch, count) -> None:
    with torch.device('meta'):
        assert sum(p.numel() for p in cls(arch).parameters()) == count


class _Binary(BaseNeuron):
    """A user's own neuron: fires from a threshold on, and remembers nothing."""

    def __init__(self, v_threshold: float = 1.0, **kwargs) -> None:
        super().__init__(D=1, **kwargs)
        self.v_threshold = v_threshold

    def run(self, x, membrane):
        return (x >= self.v_threshold).to(x.dtype), membrane


@pytest.mark.parametrize(
    ('neuron_cfg', 'scale', 'threshold'),
    [
        (None, 0.125, 0.5),
        (dict(type='spikedense.PLIF', v_threshold=3.0), 0.125, 1.5),
        (dict(type=LIF, v_threshold=2.0), 0.125, 1.0),
        (dict(type=_Binary), 0.125, 0.5),
        (dict(type='NILIF'), 12**-0.5, None),
        (dict(type='ReLU'), 12**-0.5, None),
    ],
)
def test_v2_asks_its_neuron_for_the_version(neuron_cfg, scale, threshold) -> None:
    attn = SDTV2(SMALL, neuron_cfg=neuron_cfg).stages[3].blocks[0].branches['attn']
    assert attn.product.scale == scale
    assert getattr(attn.out_proj.neuron, 'v_threshold', None) == threshold


def test_buildable_from_any_scope() -> None:
    model = ROOT_MODELS.build(dict(type='spikedense.SDTV3', arch=SMALL))
    assert isinstance(model, SDTV3)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(arch='20M'), "arch='20M', expected one of"),
        (dict(arch=dict(embed_dims=(8, 16, 24))), 'expected four widths'),
        (dict(arch=dict(embed_dim=8)), "arch={'embed_dim': 8}, expected embed_dims and"),
        (dict(arch=dict(SMALL, depth=3)), "'depth': 3}, expected embed_dims and"),
        (dict(arch=15), 'arch=15, expected one of'),
        (dict(arch=dict(SMALL, depths=(1, 1))), 'expected 5 numbers of blocks'),
        (dict(arch=dict(SMALL, num_heads=5)), 'num_heads=5, expected a divisor of 24'),
        (dict(stage4_stride=4), 'stage4_stride=4, expected 1 or 2'),
        (dict(neuron_cfg=dict(type='NILIF', norm='abc')), "norm='abc', expected a number above 0"),
        (dict(neuron_cfg=dict(type='NILIF', norm=math.nan)), 'norm=nan, expected a number above 0'),
        (dict(neuron_cfg=dict(type='LIF', stateful='no')), "stateful='no', expected True or False"),
        (dict(norm_cfg=dict(type='GN', num_groups=2)), 'expected a batch norm with running'),
        (dict(norm_cfg=dict(type='BN', affine=False)), 'and affine weights'),
    ],
)
def test_wrong_settings_are_told(kwargs, message) -> None:
    with pytest.raises(ValueError, match=message):
        SDTV2(**{'arch': SMALL, **kwargs})


def test_a_neuron_that_is_no_config_is_told() -> None:
    with pytest.raises(TypeError, match="neuron_cfg='LIF', expected a dict with a 'type'"):
        SDTV2(SMALL, neuron_cfg='LIF')


def test_mixers_are_chosen_by_config() -> None:
    model = SDTV3(SMALL, attn_cfg=dict(order='quadratic', value_ratio=1))
    for stage in model.stages[3:]:
        attn = stage.blocks[0].branches['attn']
        assert attn.product.order == 'quadratic'
        assert attn.v_conv.conv.out_channels == attn.q_conv.conv.out_channels
        assert attn.product.scale == 2 * (attn.q_conv.conv.out_channels // 2) ** -0.5
    assert all('attn' not in stage.blocks[0].branches for stage in model.stages[:3])


def test_each_stage_may_have_its_own_mixers() -> None:
    model = SDTV2(
        SMALL,
        attn_cfg=[None, None, dict(type='SpikeSelfAttention'), {}, None],
        token_mixer=[None, {}, dict(type='SpikeSeparableConv', kernel_size=3), None, None],
        channel_mixer=[dict(ratio=2), {}, {}, {}, dict(type='spikedense.ChannelMLP', ratio=1)],
    )
    names = [list(stage.blocks[0].branches) for stage in model.stages]
    assert names == [
        ['channel_mixer'],
        ['token_mixer', 'channel_mixer'],
        ['token_mixer', 'attn', 'channel_mixer'],
        ['attn', 'mlp'],
        ['mlp'],
    ]
    third = model.stages[2].blocks[0].branches['token_mixer']
    assert isinstance(third, SpikeSeparableConv)
    assert third.depthwise.conv.kernel_size == (3, 3)
    assert third.project.neuron is None, 'the rest is the default of V2'
    assert model.stages[0].blocks[0].branches['channel_mixer'].widen.conv.out_channels == 8
    assert model.stages[4].blocks[0].branches['mlp'].widen.conv.out_channels == 32
    assert [out.shape[2] for out in model(torch.randn(1, 3, 32, 32))] == [4, 8, 16, 32]


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(attn_cfg=[None]), 'attn_cfg=.*expected a dict, or a list with one entry for each'),
        (dict(attn_cfg=[dict(num_heads=2)] + [None] * 4), "expected a 'type': there is no default"),
        (dict(attn_cfg=dict(type='Attenton')), "mixer: type='Attenton', expected a registered"),
        (dict(attn_cfg=dict(ordr='linear')), "SpikeSelfAttention has no 'ordr', expected some of"),
        (dict(token_mixer=7), 'token_mixer=7, expected a dict, or a list'),
        (dict(value_ratio=0), 'value_ratio=0, expected an integer of at least 1'),
    ],
)
def test_wrong_mixers_are_told(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SDTV3(SMALL, **kwargs)


class OwnAttention(nn.Module):
    """Another class than the default one, without its arguments."""

    def __init__(self, channels: int) -> None:
        super().__init__()


#: Dynamics of the input's spikes: there is no value, so it has no width either.
OF_INPUT = dict(type='LRFDynamicAttention', token='x', gate=None)


class HeirAttention(SpikeSelfAttention):
    """A subclass of the default one, with a default of its own."""

    def __init__(self, channels: int, order: str = 'quadratic', **kwargs: Any) -> None:
        super().__init__(channels, order=order, **kwargs)


@pytest.mark.parametrize(
    ('cls', 'options', 'said'),
    [
        (SDTV2, dict(attn_scale=0.2, attn_cfg=dict(type=OwnAttention)), 'attn_scale=0.2'),
        (SDTV2, dict(attn_scale=0.2, attn_cfg=dict(scale=0.3)), 'attn_scale=0.2'),
        (SDTV2, dict(attn_neuron_cfg=dict(type='LIF'), attn_cfg=[None] * 5), 'attn_neuron_cfg='),
        (SDTV3, dict(value_ratio=2, attn_cfg=[None] * 5), 'value_ratio=2'),
        (SDTV3, dict(value_ratio=2, attn_cfg=OF_INPUT), 'value_ratio=2'),
        (SDTV3, dict(mlp_ratio=2, channel_mixer=dict(type='SpikeSeparableConv')), 'mlp_ratio=2'),
    ],
)
def test_arguments_that_change_nothing(cls: type, options: dict, said: str) -> None:
    with pytest.raises(ValueError, match=f'{said}.* changes nothing beside '):
        cls(SMALL, **options)


def test_a_subclass_inherits_the_arguments_of_the_default() -> None:
    net = SDTV3(SMALL, attn_cfg=dict(type=HeirAttention))
    attn = net.stages[3].blocks[0].branches['attn']
    width = attn.q_conv.conv.out_channels
    assert attn.v_conv.conv.out_channels == 4 * width
    assert attn.product.scale == 2 * (width // 2) ** -0.5
    assert attn.product.order == 'quadratic', 'what it declares itself has its own default'
    net = SDTV2(SMALL, attn_scale=0.2, attn_cfg=dict(type=HeirAttention))
    assert net.stages[3].blocks[0].branches['attn'].product.scale == 0.2
    net = SDTV3(SMALL, attn_cfg=OF_INPUT)
    assert net.stages[3].blocks[0].branches['attn'].v_channels == width


def test_arguments_that_reach_a_mixer() -> None:
    mixers = [dict(type='ChannelConv'), None, None, None, None]
    net = SDTV3(SMALL, mlp_ratio=2, channel_mixer=mixers)
    assert net.stages[0].blocks[0].branches['channel_mixer'].widen.conv.out_channels == 8
    net = SDTV2(SMALL, attn_scale=0.2, attn_cfg=dict(order='quadratic'))
    assert net.stages[3].blocks[0].branches['attn'].product.scale == 0.2
