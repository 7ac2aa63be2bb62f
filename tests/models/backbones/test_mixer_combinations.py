"""Each attention with each channel mixer and with integer and binary neurons, in one backbone."""

import copy
from itertools import product
from typing import Any

import pytest
import torch
from contract import wake
from spike_driven import assert_same_answers
from torch import Tensor

from spikedense.deploy import fold, to_spike_inference
from spikedense.models.backbones import SDTV2, SDTV3, SpikeBackbone
from spikedense.neurons import BaseNeuron
from spikedense.registry import MODELS
from spikedense.tracing import trace_network

#: A convolution block of the first stage and a transformer block.
ARCH = dict(embed_dims=(8, 8, 8, 8), depths=(1, 0, 0, 1, 0), num_heads=2)

ATTENTIONS = [
    'SpikeSelfAttention',
    'SpikformerSelfAttention',
    'SpikeDrivenSelfAttention',
    'QKTokenAttention',
    'QKChannelAttention',
    'LRFSelfAttention',
    'LRFDynamicAttention',
]
CHANNEL_MIXERS = [
    'ChannelConv',
    'ChannelMLP',
    'MLPixer',
    'SRB',
]
NEURONS: dict[str, dict[str, Any]] = {
    'integers': dict(neuron_cfg=dict(type='NILIF', D=4), T=1),
    'LIF': dict(neuron_cfg=dict(type='LIF'), T=2),
}


def images(batch: int = 2) -> Tensor:
    return torch.randn(batch, 3, 32, 48, dtype=torch.float64)


def build(cls: type[SpikeBackbone], neuron: str, **mixers: str) -> Any:
    """A backbone in float64 whose mixers have their default arguments."""
    named = {key: dict(type=name) for key, name in mixers.items()}
    return cls(ARCH, out_indices=(0, 3), **NEURONS[neuron], **named).double()  # type: ignore[call-arg]


def check(model: Any) -> None:
    """Train a step, predict, trace, and compare with the spike-driven twin."""
    wake(model, images(4)).train()
    sum(out.square().mean() for out in model(images())).backward()
    grads = [p.grad for p in model.parameters() if p.grad is not None]
    assert grads and all(torch.isfinite(grad).all() for grad in grads)
    assert any(grad.any() for grad in grads)
    torch.optim.SGD(model.parameters(), lr=0.01).step()
    model.eval()
    with torch.no_grad():
        assert all(torch.isfinite(out).all() and out.std() > 0 for out in model(images()))
    folded = copy.deepcopy(model)
    fold(folded)  # a RepConv reads spikes once it is merged
    trace = trace_network(folded, images())
    assert trace.lost == set()
    attention = [op for op in trace.operations.contractions if '.attn' in op.module]
    assert attention and all(op.spikes for op in attention)
    twin, foldings = to_spike_inference(model, images())
    assert [f for f in foldings if f.reason is not None] == []
    assert_same_answers(model, twin, images())


@pytest.mark.parametrize(
    ('attention', 'mixer', 'neuron'), list(product(ATTENTIONS, CHANNEL_MIXERS, NEURONS))
)
def test_mixers_combine(attention: str, mixer: str, neuron: str) -> None:
    model = build(SDTV3, neuron, attn_cfg=attention, channel_mixer=mixer)
    stage = model.stages[3].blocks[0].branches
    assert type(stage['attn']) is MODELS.get(attention) and type(stage['mlp']) is MODELS.get(mixer)
    assert type(model.stages[0].blocks[0].branches['channel_mixer']) is MODELS.get(mixer)
    check(model)


@pytest.mark.parametrize('attention', ATTENTIONS)
@pytest.mark.parametrize('neuron', NEURONS)
def test_each_attention_runs_in_v2(attention: str, neuron: str) -> None:
    check(build(SDTV2, neuron, attn_cfg=attention))


@pytest.mark.parametrize('cls', [SDTV2, SDTV3])
@pytest.mark.parametrize('neuron', NEURONS)
def test_ssa_has_its_own_defaults_in_each_backbone(cls: type[SpikeBackbone], neuron: str) -> None:
    (attn,) = (
        m
        for m in build(cls, neuron, attn_cfg='SpikformerSelfAttention').modules()
        if hasattr(m, 'product')
    )
    assert attn.product.scale == 0.125
    assert attn.v_channels == attn.channels == 8
    assert attn.q_conv.conv.kernel_size == (1, 1)
    threshold = 0.5 if neuron == 'LIF' else None
    assert isinstance(attn.out_proj.neuron, BaseNeuron)
    assert attn.out_proj.neuron.v_threshold == threshold
