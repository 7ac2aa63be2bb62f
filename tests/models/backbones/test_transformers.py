"""Transformers of stages of an embedding and equal blocks: mixers, deployment, settings."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from contract import wake
from golden import Golden
from onnx_spikes import WatchedNetwork
from spike_driven import assert_fires_as_told, assert_same_answers, run
from torch import Tensor, nn

from spikedense.deploy import fold, real_multiplications, to_spike_inference
from spikedense.deploy.onnx_export import export_onnx
from spikedense.models.backbones import SDTV1, MaxFormer, MSQKFormer, SpikeBackbone, Spikingformer
from spikedense.models.layers import (
    QKTokenAttention,
    SpikeDepthwiseConv,
    SpikeDrivenSelfAttention,
    SpikformerSelfAttention,
)
from spikedense.registry import MODELS
from spikedense.tracing import trace_network

ONE_STAGE = dict(embed_dims=(16,), depths=(1,), num_heads=2)
THREE_STAGES = dict(embed_dims=(8, 12, 16), depths=(1, 1, 1), num_heads=2)
SMALL: dict[str, dict[str, Any]] = {
    'V1': dict(type=SDTV1, arch=ONE_STAGE),
    'V1 of events': dict(type=SDTV1, arch=ONE_STAGE, dvs_mode=True, pooling_stat='0011'),
    'Spikingformer': dict(type=Spikingformer, arch=ONE_STAGE),
    'Max-Former': dict(type=MaxFormer, arch=THREE_STAGES),
    'MS-QKFormer': dict(type=MSQKFormer, arch=THREE_STAGES),
}
NEURONS: dict[str, dict[str, Any]] = {
    'integers': dict(neuron_cfg=dict(type='NILIF', D=4), T=1),
    'LIF': dict(T=2),
}
ATTENTIONS = ('SpikeSelfAttention', 'QKChannelAttention', 'LRFSelfAttention', 'LRFDynamicAttention')
SIZE = (32, 48)


def images(batch: int = 2) -> Tensor:
    return torch.randn(batch, 3, *SIZE, dtype=torch.float64)


def build(name: str, **kwargs: Any) -> SpikeBackbone:
    """A small backbone whose neurons fire, in float64 and eval mode."""
    return wake(MODELS.build({**SMALL[name], **kwargs}).double(), images(4))


def kinds(model: nn.Module, branch: str) -> list[type | None]:
    """The class of a branch in the first block of each stage."""
    first = [stage.blocks[0].branches for stage in model.stages]
    return [type(branches[branch]) if branch in branches else None for branches in first]


@pytest.mark.parametrize('neuron', NEURONS)
@pytest.mark.parametrize('name', SMALL)
def test_trained_traced_and_sent_spike_by_spike(name: str, neuron: str) -> None:
    model = build(name, **NEURONS[neuron]).train()
    sum(out.square().mean() for out in model(images())).backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert grads and all(torch.isfinite(grad).all() for grad in grads)
    model.eval()
    folded = copy.deepcopy(model)
    fold(folded)
    trace = trace_network(folded, images())
    assert trace.lost == set()
    real = {op.module for op in trace.operations.contractions if op.multiplies_reals}
    assert {module for module in real if not module.endswith('downsample.conv1.conv')} == set()
    # The first convolution runs once on an image, whatever T is.
    (stem,) = (op for op in trace.operations.contractions if op.module in real)
    assert stem.repeats == 1
    twin, foldings = to_spike_inference(model, images())
    assert [f for f in foldings if f.reason is not None] == []
    assert_same_answers(model, twin, images())
    left = [m for m in real_multiplications(twin, images()) if not (m.neuron or m.pixels)]
    assert left == []


@pytest.mark.parametrize('name', ['V1', 'Spikingformer', 'Max-Former', 'MS-QKFormer'])
def test_one_step_is_exported(name: str, tmp_path: Path) -> None:
    model = build(name, T=1).float()
    export_onnx(model, tmp_path / 'out', SIZE)
    network = WatchedNetwork(tmp_path / 'out', model, SIZE)
    x = images(1).float()
    outs = network(x)
    calls, expected = run(model, x, forced=network.calls)
    assert_fires_as_told(model, calls, network.calls)
    for found, out in zip(outs, expected, strict=True):
        torch.testing.assert_close(found, out, atol=1e-4, rtol=1e-4)


def test_default_mixers_are_the_published_ones() -> None:
    ssa, token = SpikformerSelfAttention, QKTokenAttention
    assert kinds(build('V1'), 'attn') == [SpikeDrivenSelfAttention]
    assert kinds(build('Spikingformer'), 'attn') == [ssa]
    max_former = build('Max-Former')
    assert kinds(max_former, 'attn') == [None, None, ssa]
    assert kinds(max_former, 'token_mixer') == [SpikeDepthwiseConv, SpikeDepthwiseConv, None]
    assert kinds(build('MS-QKFormer'), 'attn') == [token, token, ssa]
    heads = {
        attn.num_heads
        for attn in MSQKFormer('10-384').modules()
        if isinstance(attn, QKTokenAttention)
    }
    assert heads == {6}


@pytest.mark.parametrize('attention', ATTENTIONS)
def test_other_attentions(attention: str) -> None:
    for name in ('V1', 'MS-QKFormer'):
        model = build(name, attn_cfg=dict(type=attention), **NEURONS['integers'])
        assert set(kinds(model, 'attn')) == {MODELS.get(attention)}
        assert all(torch.isfinite(out).all() for out in model(images()))


def test_mixers_stage_by_stage() -> None:
    model = build(
        'Max-Former',
        token_mixer=[{}, None, None],
        attn_cfg=[None, dict(type='QKTokenAttention'), dict(scale=0.5)],
        mlp_ratio=2,
    )
    assert kinds(model, 'token_mixer') == [SpikeDepthwiseConv, None, None]
    assert kinds(model, 'attn') == [None, QKTokenAttention, SpikformerSelfAttention]
    block = model.stages[2].blocks[0].branches
    assert block['attn'].product.scale == 0.5
    assert block['mlp'].widen.conv.out_channels == 32


def test_a_number_alone_is_that_of_the_only_stage() -> None:
    model = Spikingformer(dict(embed_dims=16, depths=2, num_heads=2))
    assert model.out_channels == (16,) and len(model.stages[0].blocks) == 2


@pytest.mark.parametrize(('stat', 'stride'), [('1111', 16), ('0111', 8), ('1010', 4), ('0000', 1)])
def test_poolings_of_v1_decide_the_stride(stat: str, stride: int) -> None:
    model = SDTV1(ONE_STAGE, pooling_stat=stat, T=1)
    assert model.out_strides == (stride,)
    assert model(torch.randn(1, 3, 17, 32))[0].shape[-2:] == (-(-17 // stride), 32 // stride)


@pytest.mark.parametrize(
    ('name', 'kwargs', 'message'),
    [
        ('V1', dict(arch='8-385'), r"SDTV1: arch='8-385', expected one of \['8-384', "),
        ('V1', dict(arch=dict(embed_dims=(16,))), 'expected embed_dims, depths and, optionally,'),
        ('V1', dict(arch=dict(ONE_STAGE, depth=3)), 'expected embed_dims, depths and, optionally,'),
        ('V1', dict(arch=dict(ONE_STAGE, embed_dims=(12,))), 'the first one a multiple of 8'),
        ('Max-Former', dict(arch=ONE_STAGE), r'embed_dims=\(16,\), expected 3 widths'),
        ('Max-Former', dict(arch=dict(THREE_STAGES, depths=(1,))), 'expected 3 numbers of blocks'),
        ('V1', dict(pooling_stat='111'), "pooling_stat='111', expected four of the letters"),
        (
            'V1',
            dict(dvs_mode=True, attn_cfg=dict(type='QKTokenAttention')),
            r"dvs_mode=True changes nothing beside attn_cfg=\{'type': 'QKTokenAttention'\}",
        ),
        ('V1', dict(mlp_ratio=2, channel_mixer=[None]), 'mlp_ratio=2 changes nothing beside'),
        ('V1', dict(attn_cfg=[]), 'attn_cfg=.*, expected a dict, or a list with one entry'),
    ],
)
def test_wrong_settings_are_told(name: str, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MODELS.build({**SMALL[name], **kwargs})


def test_an_official_file_is_loaded_without_what_is_never_computed(
    reference_dir: Path, tmp_path: Path
) -> None:
    golden = Golden(reference_dir / 'sdtv1_narrow_T4_B2.json')
    torch.save(golden.official_state(), tmp_path / 'official.pth')
    model = SDTV1(
        dict(embed_dims=(96,), depths=(4,), num_heads=6),
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'official.pth')),
    )
    model.double().eval().init_weights()
    with torch.no_grad():
        (out,) = model(golden.inputs()['x'])
    golden.assert_close('out1', out, golden.arrays['out1'])
