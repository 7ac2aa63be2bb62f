"""SpikeAtConv: its sizes, what the paper leaves open, and its activations with weights."""

from typing import Any

import pytest
import torch
from contract import wake
from spike_driven import assert_same_answers
from torch import Tensor, nn

from spikedense.analysis.energy_report import energy_report
from spikedense.deploy import to_spike_inference
from spikedense.models.backbones import SpikeAtConv
from spikedense.models.layers import DCL, SpikeConvNeXt, SpikeGridAttention
from spikedense.neurons import HSL, MBPL, SL, build_neuron

SMALL: dict[str, Any] = dict(
    arch=dict(embed_dims=(8, 8, 16, 16), depths=(1, 0, 0, 1)),
    attn_cfg=dict(head_dim=4, grid_size=2),
)
SIZE = (24, 40)


def small(**kwargs: Any) -> SpikeAtConv:
    """A small backbone whose neurons fire, in float64 and eval mode."""
    model = SpikeAtConv(**{**SMALL, **kwargs}).double()
    return wake(model, image(2))


def image(batch: int = 1) -> Tensor:
    return torch.randn(batch, 3, *SIZE, dtype=torch.float64)


def size_of(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def size_with_classifier(arch: str, **kwargs: Any) -> int:
    """Parameters with a classifier of 1000 classes; one block of each stage is built."""
    dims, depths = (SpikeAtConv.arch_zoo[arch][key] for key in ('embed_dims', 'depths'))
    with torch.device('meta'):
        model = SpikeAtConv(dict(embed_dims=dims, depths=(1, 1, 1, 1)), **kwargs)
    more = [(n - 1) * size_of(s.blocks) for n, s in zip(depths, model.stages, strict=True)]
    return size_of(model) + sum(more) + 1000 * (dims[-1] + 1)


@pytest.mark.parametrize(
    ('arch', 'sisa', 'bdsa'),
    [
        ('Tiny', 16_461_192, 14_320_392),
        ('Base', 121_500_584, 104_434_088),
        ('Large', 222_246_040, 190_667_800),
    ],
)
def test_sizes_with_a_classifier_of_1000_classes(arch: str, sisa: int, bdsa: int) -> None:
    for variant, expected in (('SISA', sisa), ('BDSA', bdsa)):
        assert size_with_classifier(arch, attn_cfg=dict(variant=variant)) == expected


def test_mbconv_has_nearly_as_many_weights() -> None:
    mbconv = dict(type='SpikeSeparableConv', kernel_size=3, expansion=4)
    found = size_with_classifier('Tiny', token_mixer=mbconv)
    assert 1 - found / 16_461_192 == pytest.approx(0.00106, abs=1e-5)


def test_what_the_paper_leaves_open_is_an_argument() -> None:
    model = small(
        stem_channels=(6, 10),
        stem_kernel_size=5,
        downsample_kernel_size=5,
        token_mixer=dict(kernel_size=5, ratio=2),
        attn_cfg=dict(head_dim=2, grid_size=3, scale=0.5),
        mlp_ratio=3,
        branches=('attn', 'window', 'token_mixer', 'mlp'),
        neuron_cfg=dict(type='MBPL', surrogate=dict(type='ATan', alpha=3.0), v_reset=None),
    )
    convs = [layer.conv for layer in model.stages[0].downsample]
    assert [c.out_channels for c in convs] == [6, 10, 8]
    assert [c.kernel_size[0] for c in convs] == [3, 5, 5]
    branches: Any = model.stages[0].blocks[0].branches
    assert list(branches) == ['attn', 'window', 'token_mixer', 'mlp']
    assert isinstance(branches['token_mixer'], SpikeConvNeXt)
    assert branches['token_mixer'].project.conv.in_channels == 16
    assert branches['mlp'].narrow.conv.in_channels == 24
    for name, partition in (('attn', 'grid'), ('window', 'window')):
        attention = branches[name]
        found = (attention.head_dim, attention.grid_size, attention.product.scale)
        assert found == (2, 3, 0.5) and attention.partition == partition
    assert attention.neuron.resets == [None] * 4 and attention.neuron.surrogate.alpha == 3.0
    assert model(image())[0].shape == (1, 1, 8, 6, 10)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(residual='sum'), "residual='sum', expected one of"),
        (dict(branches=('attn', 'ffn')), r"branches=\('attn', 'ffn'\), expected some of"),
        (dict(downsample_kernel_size=2), 'downsample_kernel_size=2, expected an odd number'),
        (dict(attn_cfg=dict(head_dim=0)), 'head_dim=0, expected an integer of at least 1'),
        (dict(attn_cfg=dict(variant='SSA')), "variant='SSA', expected one of"),
        (dict(arch='Small'), "SpikeAtConv: arch='Small', expected one of"),
        (
            dict(neuron_cfg=dict(type='DCL'), attn_cfg=dict(type='SpikeSelfAttention')),
            "type='DCL' has weights for channels, expected a neuron without",
        ),
    ],
)
def test_wrong_settings_are_told(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SpikeAtConv(**{**SMALL, **kwargs})


def test_sums_of_spikes_and_spikes_as_features_have_a_twin() -> None:
    model = small(
        residual='spikes',
        out_spike=True,
        T=2,
        neuron_cfg=dict(type='MBPL', thresholds=[0.5, 1.0]),
        out_indices=(0, 3),
    )
    for out in model(image()):
        assert {2} <= set(out.unique().tolist()) <= {0, 1, 2}
    twin, _ = to_spike_inference(model, image())
    assert_same_answers(model, twin, image())


def test_membranes_that_a_neuron_makes_spikes_of() -> None:
    plain, spiked = small(out_indices=(3,)), small(out_indices=(3,), out_spike=True)
    spiked.load_state_dict(plain.state_dict())
    x = image()
    assert torch.equal(spiked(x)[0], MBPL()(plain(x)[0]))


@pytest.mark.parametrize('cfg', [dict(type='RL'), dict(type='HSL'), dict(type='SL')], ids=str)
def test_activations_without_weights(cfg: dict[str, Any]) -> None:
    model = small(neuron_cfg=cfg)
    model(image())[-1].square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


def test_dcl_stands_where_the_width_is_that_of_the_block() -> None:
    model = small(neuron_cfg=dict(type='DCL', tau=3.0)).train()
    branches: Any = model.stages[0].blocks[0].branches
    at = [branches['token_mixer'].expand, branches['mlp'].widen, model.stages[1].downsample]
    assert all(isinstance(layer.neuron, DCL) for layer in at)
    hidden: Any = [
        branches['token_mixer'].project,
        branches['mlp'].narrow,
        model.stages[0].downsample[2],
    ]
    assert all(type(layer.neuron) is SL and layer.neuron.node.tau == 3.0 for layer in hidden)
    model(image())[-1].square().sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize('shared', [False, True])
def test_convnext_layers_behind_mbpl_make_real_values(shared: bool) -> None:
    thresholds = [0.5, 1.0, 2.0]
    cfg = dict(type='MixedMBPL', thresholds=thresholds, shared=shared)
    plain = small(neuron_cfg=dict(type='MBPL', thresholds=thresholds), out_indices=(0,))
    mixed = small(neuron_cfg=cfg, out_indices=(0,))
    layer = build_neuron(cfg, channels=8)
    assert size_of(layer) == (1 if shared else 3) * (49 * 8 + 2 * 8)
    counted = {}
    for name, model in (('plain', plain), ('mixed', mixed)):
        report = energy_report(model, [image()])
        rows = {row['name']: row for row in report['layers'] if row['operation'] == 'convolution'}
        block = 'stages.0.blocks.0.branches.mlp.widen'
        counted[name] = rows[f'{block}.conv']['counted_as']
        told = [line for line in report['assumptions'] if 'mix spikes to real values' in line]
        assert len(told) == (name == 'mixed')
    assert counted == dict(plain='AC', mixed='MAC')
    assert rows[f'{block}.neuron.mixers.0.conv.conv']['counted_as'] == 'AC'
    assert rows['stages.0.downsample.1.conv']['counted_as'] == 'MAC', 'the stem has no neuron'
    twin, _ = to_spike_inference(mixed, image())
    assert_same_answers(mixed, twin, image())


def test_hsl_halves_the_channels_of_a_map() -> None:
    attention = SpikeGridAttention(
        8, head_dim=4, grid_size=2, neuron_cfg=dict(type='HSL'), norm_cfg=dict(type='BN')
    )
    assert isinstance(attention.q_neuron, HSL)
    x = torch.full((1, 1, 8, 3, 3), 3.0)
    assert attention.neuron(x)[0, 0, :, 0, 0].tolist() == [1] * 4 + [0] * 4
