"""Spikformer and QKFormer: their settings, official files, and the tools on them."""

from pathlib import Path
from typing import Any

import pytest
import torch
from contract import wake
from golden import Golden
from spike_driven import assert_same_answers, inputs_not_binary
from torch import Tensor, nn

from spikedense.converters import recognised_families
from spikedense.deploy import real_multiplications, to_spike_inference
from spikedense.deploy.onnx_export import export_onnx
from spikedense.deploy.onnx_runtime import OnnxNetwork
from spikedense.models.backbones import QKFormer, Spikformer
from spikedense.models.layers import (
    LRFDynamicAttention,
    LRFSelfAttention,
    QKTokenAttention,
    SpikeSelfAttention,
)
from spikedense.neurons import LIF
from spikedense.registry import MODELS
from spikedense.tracing import Spikes, trace_network

ONE = dict(type='Spikformer', arch=dict(embed_dims=(16,), depths=(2,), num_heads=2))
THREE = dict(type='QKFormer', arch=dict(embed_dims=(8, 12, 16), depths=(1, 1, 1), num_heads=2))
SMALL: dict[str, dict[str, Any]] = dict(spikformer=ONE, qkformer=THREE)
#: Layers that read the image.
STEM = {'stages.0.downsample.conv1.conv'}


def images(batch: int = 2) -> Tensor:
    return torch.randn(batch, 3, 32, 48, dtype=torch.float64)


def build(name: str, **kwargs: Any) -> Any:
    return wake(MODELS.build({**SMALL[name], **kwargs}).double(), images(4))


def count(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ('cls', 'arch', 'published'),
    [
        (Spikformer, '8-384', 16816024 - 385000),
        (Spikformer, '8-512', 29689384 - 513000),
        (Spikformer, '8-768', 66338632 - 769000),
        (Spikformer, 'cifar-4-384', 9330874 - 6144 - 3850),
        (QKFormer, '10-384', 16473688 - 385000),
        (QKFormer, '10-512', 29079336 - 513000),
        (QKFormer, '10-768', 64962760 - 769000),
    ],
)
def test_parameters_are_the_published_ones(cls: Any, arch: str, published: int) -> None:
    with torch.device('meta'):
        assert count(cls(arch)) == published  # without the classifier and what is never computed


def test_parameters_with_a_local_term() -> None:
    local: dict[str, Any] = dict(type='LRFSelfAttention')
    with torch.device('meta'):
        one = Spikformer('8-512', attn_cfg=local)
        three = QKFormer('10-512', attn_cfg=[{}, {}, local])
    # Three kernels and a norm for each channel of a value; 29.18 M are published.
    assert count(three) + 513000 == 29079336 + 7 * 29 * 512
    assert round((count(three) + 513000) / 1e6, 2) == 29.18
    assert count(one) + 513000 == 29689384 + 8 * 29 * 512


def test_published_defaults() -> None:
    with torch.device('meta'):
        one, three = Spikformer(), QKFormer()
    assert (one.T, one.out_strides, one.out_channels) == (4, (16,), (512,))
    assert (three.T, three.out_strides, three.out_channels) == (4, (4, 8, 16), (128, 256, 512))
    kinds = [type(stage.blocks[0].branches['attn']) for stage in three.stages]
    assert kinds == [QKTokenAttention, QKTokenAttention, SpikeSelfAttention]
    for attention in (one.stages[0].blocks[0], three.stages[2].blocks[0]):
        attn = attention.branches['attn']
        assert attn.product.scale == 0.125 and isinstance(attn.out_proj.neuron, LIF)
        assert attn.out_proj.neuron.v_threshold == 0.5
        assert isinstance(attn.neuron, nn.Identity)


def test_attentions_with_a_local_term_take_over_the_arguments() -> None:
    kinds = (LRFSelfAttention, LRFDynamicAttention)
    for kind in kinds:
        model = build('spikformer', attn_cfg=dict(type=kind.__name__))
        attn = model.stages[0].blocks[0].branches['attn']
        assert type(attn) is kind
        assert attn.product.scale == 0.125 and attn.out_proj.neuron.v_threshold == 0.5
        assert attn.q_conv.conv.bias is None and attn.out_proj.conv.bias is not None


@pytest.mark.parametrize(
    ('name', 'kwargs'),
    [('spikformer', dict(T=2)), ('qkformer', dict(T=1, neuron_cfg=dict(type='NILIF', D=3)))],
)
def test_twins_send_all_summands(name: str, kwargs: dict[str, Any]) -> None:
    model = build(name, **kwargs)
    twin, foldings = to_spike_inference(model, images())
    assert not [folding for folding in foldings if folding.reason is not None]
    assert_same_answers(model, twin, images())
    assert inputs_not_binary(twin, images()) == STEM
    assert all(found.pixels or found.neuron for found in real_multiplications(twin, images()))


def test_sums_grow_with_the_depth() -> None:
    model = build('spikformer', T=1)
    inputs = trace_network(model, images()).inputs
    levels = []
    for i in range(2):
        for part in ('attn.q_conv', 'mlp.widen'):
            (value,) = inputs[f'stages.0.blocks.{i}.branches.{part}.conv']
            assert isinstance(value, Spikes)
            levels.append(value.D)
    # The stem has two summands, each branch adds one.
    assert levels == [2, 3, 4, 5]


def test_onnx(tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    model = build('qkformer', T=1, neuron_cfg=dict(type='NILIF', D=3)).float()
    export_onnx(model, tmp_path / 'out', (32, 48))
    x = images(1).float()
    with torch.no_grad():
        for found, expected in zip(OnnxNetwork(tmp_path / 'out')(x), model(x), strict=True):
            assert expected.std() > 0
            # A current next to a threshold may be rounded to its other side.
            assert (found - expected).abs().gt(1e-4).float().mean() < 0.01


@torch.no_grad()
def test_the_neuron_of_the_released_code_sees_other_images() -> None:
    model, x = build('qkformer', T=3), images(2)
    legacy = build('qkformer', T=3, legacy_folded_proj=True)
    legacy.load_state_dict(model.state_dict())
    assert all(torch.equal(a, b) for a, b in zip(model(x[:1]), legacy(x[:1]), strict=True))
    ours, theirs = model(x), legacy(x)
    assert torch.equal(ours[1], theirs[1])
    assert torch.equal(ours[2][0, :1], theirs[2][0, :1])  # the first step of the first image
    assert not torch.equal(ours[2], theirs[2])


@pytest.mark.parametrize(
    ('case', 'family', 'cls', 'arch'),
    [
        ('spikformer_narrow_T4_B2', 'Spikformer', Spikformer, {}),
        ('spikformer_cifar_narrow_T4', 'Spikformer', Spikformer, dict(pooling_stat='0011')),
        ('qkformer_narrow_T4', 'QKFormer', QKFormer, {}),
    ],
)
def test_official_files(
    case: str, family: str, cls: Any, arch: dict[str, Any], reference_dir: Path, tmp_path: Path
) -> None:
    golden = Golden(reference_dir / f'{case}.json')
    args, official = golden.constructor, golden.official_state()
    assert [found.name for found in recognised_families(official)] == [family]
    width, depth = args['embed_dims'], args['depths']
    sizes: dict[str, Any] = dict(embed_dims=(width,), depths=(depth,))
    if cls is QKFormer:
        sizes = dict(embed_dims=(width // 4, width // 2, width), depths=(1, 2, depth - 3))
    sizes.update(num_heads=args['num_heads'], **arch)
    if 'cifar' in case:
        sizes['qkv_bias'] = True
    torch.save(dict(model=official), tmp_path / 'official.pth')
    model = cls(
        sizes, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'official.pth'))
    ).double()
    model.init_weights()
    last = model.stages[-1].blocks[-1].branches['mlp'].narrow.norm.running_var
    key = [key for key in official if key.endswith('mlp.fc2_bn.running_var')][-1]
    torch.testing.assert_close(last, official[key], rtol=1e-6, atol=0)
    assert recognised_families(model.state_dict()) == []


@pytest.mark.parametrize(
    ('cls', 'kwargs', 'message'),
    [
        (Spikformer, dict(arch='9'), r"Spikformer: arch='9', expected one of \['8-384'"),
        (Spikformer, dict(arch=dict(embed_dims=[8])), 'expected embed_dims, depths and, optional'),
        (
            Spikformer,
            dict(arch=dict(embed_dims=[20], depths=[1])),
            r'embed_dims=\(20,\), expected 1 widths, the first one a multiple of 8',
        ),
        (
            Spikformer,
            dict(arch=dict(embed_dims=[8], depths=[1], pooling_stat='11')),
            "pooling_stat='11', expected four of the letters 0 and 1",
        ),
        (
            QKFormer,
            dict(arch=dict(embed_dims=[8, 8, 8], depths=[1, 1])),
            r'depths=\(1, 1\), expected 3 numbers of blocks',
        ),
        (
            Spikformer,
            dict(arch=ONE['arch'], channel_mixer=dict(type='MLPixer')),
            'MLPixer begins with a neuron, expected a mixer that takes reads_spikes',
        ),
        (
            Spikformer,
            dict(arch=ONE['arch'], channel_mixer=dict(ratio=2), mlp_ratio=3),
            'mlp_ratio=3 changes nothing beside channel_mixer',
        ),
    ],
)
def test_wrong_settings_are_told(cls: Any, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cls(**kwargs)


def test_mixers_are_chosen_by_stage() -> None:
    model = build('qkformer', attn_cfg=[{}, None, dict(type='QKChannelAttention')], mlp_ratio=2)
    branches = [stage.blocks[0].branches.values() for stage in model.stages]
    kinds = [[type(branch).__name__ for branch in of_stage] for of_stage in branches]
    assert kinds == [
        ['QKTokenAttention', 'ChannelMLP'],
        ['ChannelMLP'],
        ['QKChannelAttention', 'ChannelMLP'],
    ]
    assert model.stages[0].blocks[0].branches['mlp'].widen.conv.out_channels == 2 * 8
