"""Blocks of our attentions between two recorded maps of published networks with membranes."""

import re
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from golden import Golden
from torch import Tensor, nn

from spikedense.converters.rules import Rule, rename
from spikedense.models.layers import SpikeBlock, build_mixer, over_time
from spikedense.neurons import build_neuron

LIF = dict(type='LIF')
CFG: dict[str, Any] = dict(neuron_cfg=LIF, norm_cfg=dict(type='BN'))
#: Official key -> our key; what is missing is in the checkpoint and never computed.
RULES: list[Rule] = [
    (r'(\d+)\.attn\.([qkv])_conv\.', r'\1.branches.attn.\2_conv.conv.'),
    (r'(\d+)\.attn\.([qkv])_bn\.', r'\1.branches.attn.\2_conv.norm.'),
    (r'(\d+)\.attn\.proj_conv\.', r'\1.branches.attn.out_proj.conv.'),
    (r'(\d+)\.attn\.proj_bn\.', r'\1.branches.attn.out_proj.norm.'),
    (r'(\d+)\.mlp\.(?:fc|mlp)1_conv\.', r'\1.branches.mlp.widen.conv.'),
    (r'(\d+)\.mlp\.(?:fc|mlp)1_bn\.', r'\1.branches.mlp.widen.norm.'),
    (r'(\d+)\.mlp\.(?:fc|mlp)2_conv\.', r'\1.branches.mlp.narrow.conv.'),
    (r'(\d+)\.mlp\.(?:fc|mlp)2_bn\.', r'\1.branches.mlp.narrow.norm.'),
]
NEVER_COMPUTED = re.compile(r'\.(talking_heads|norm[12])\.')


@pytest.fixture
def golden(request: pytest.FixtureRequest, reference_dir: Any) -> Golden:
    """The case of the test's parameter."""
    return Golden(reference_dir / f'{request.param}.json')


def stage(golden: Golden, prefix: str, kind: str, channels: int, heads: int, depth: int) -> Any:
    """Blocks with the weights of a golden, in float64 and eval mode."""
    blocks = nn.Sequential(
        *(
            SpikeBlock(
                channels,
                dict(
                    attn=build_mixer(dict(type=kind, num_heads=heads), channels, **CFG),
                    mlp=build_mixer(dict(type='ChannelMLP'), channels, **CFG),
                ),
            )
            for _ in range(depth)
        )
    ).double()
    own = blocks.state_dict()
    state = {}
    for key, value in golden.official_state().items():
        if key.startswith(f'{prefix}.') and not NEVER_COMPUTED.search(key):
            name = rename(key.removeprefix(f'{prefix}.'), RULES)
            assert name is not None, key
            state[name] = value.reshape(own[name].shape)
    blocks.load_state_dict(state)
    return blocks.eval()


def recorded(golden: Golden, name: str) -> Tensor:
    return torch.from_numpy(golden.arrays[name])


@torch.no_grad()
@pytest.mark.parametrize(
    ('golden', 'kind'),
    [
        ('sdtv1_narrow_T4_B2', 'SpikeDrivenSelfAttention'),
        ('spikingformer_narrow_T4_B2', 'SpikformerSelfAttention'),
    ],
    indirect=['golden'],
)
def test_four_blocks_give_the_published_map(golden: Golden, kind: str) -> None:
    blocks = stage(golden, 'block', kind, 96, golden.constructor['num_heads'], 4)
    golden.assert_close('out1', blocks(recorded(golden, 'out0')), golden.arrays['out1'])


def embedded(golden: Golden, prefix: str, x: Tensor) -> Tensor:
    """The patch embedding of MS-QKFormer, written out."""
    state = golden.official_state()

    def layer(name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight = state[f'{prefix}.{name}_conv.weight']
        y = F.conv2d(x, weight, stride=stride, padding=weight.size(-1) // 2)
        norm = [state[f'{prefix}.{name}_bn.{key}'] for key in ('weight', 'bias')]
        statistics = [state[f'{prefix}.{name}_bn.running_{key}'] for key in ('mean', 'var')]
        return F.batch_norm(y, *statistics, *norm)

    neuron = build_neuron(LIF)
    s = neuron(x)
    pooled = over_time(lambda y: F.max_pool2d(layer('proj3', y), 3, 2, 1), s)
    out = over_time(lambda y: layer('proj4', y), neuron(pooled))
    return out + over_time(lambda y: layer('proj_res', y, 2), s)


@torch.no_grad()
@pytest.mark.parametrize('golden', ['msqkformer_narrow_T4_B2'], indirect=True)
@pytest.mark.parametrize(
    ('number', 'kind', 'depth'), [(2, 'QKTokenAttention', 2), (3, 'SpikformerSelfAttention', 7)]
)
def test_a_stage_gives_the_published_map(
    golden: Golden, number: int, kind: str, depth: int
) -> None:
    x = embedded(golden, f'patch_embed{number}', recorded(golden, f'out{number - 2}'))
    blocks = stage(golden, f'stage{number}', kind, x.size(2), 1, depth)
    golden.assert_close(f'out{number - 1}', blocks(x), golden.arrays[f'out{number - 1}'])
