"""Blocks that add up spikes: every attention in them, what the trace sees, and their twins."""

from typing import Any

import pytest
import torch
from contract import real_valued_inputs, wake
from spike_driven import assert_same_answers, inputs_not_binary
from torch import Tensor, nn

from spikedense.analysis.energy_report import energy_report
from spikedense.deploy import to_spike_inference
from spikedense.models.layers import (
    SpikeConv,
    SpikeMaxPool,
    SpikeSum,
    SpikeSumBlock,
    SpikeTap,
    build_mixer,
)
from spikedense.neurons import build_neuron
from spikedense.tracing import Real, Spikes, trace_network

CHANNELS = 8
BN = dict(type='BN')
NILIF = dict(type='NILIF', D=3)
LIF = dict(type='LIF')
ATTENTIONS: dict[str, dict[str, Any]] = {
    'V3': dict(type='SpikeSelfAttention', scale=0.3),
    'Spikformer': dict(type='SpikformerSelfAttention'),
    'V1': dict(type='SpikeDrivenSelfAttention', scale=0.1),
    'token': dict(type='QKTokenAttention'),
    'channel': dict(type='QKChannelAttention', scale=0.05),
    'LRF-SSA': dict(type='LRFSelfAttention'),
    'LRF-Dyn': dict(type='LRFDynamicAttention', scan='bidirectional'),
}
attentions = pytest.mark.parametrize('attention', ATTENTIONS)
neurons = pytest.mark.parametrize('neuron', [NILIF, LIF], ids=lambda cfg: cfg['type'])


class Summing(nn.Module):
    """A stem with max pooling of spikes, a block that adds up spikes, and a read-out."""

    def __init__(self, attention: dict[str, Any], neuron: dict[str, Any], steps: int = 1) -> None:
        super().__init__()
        cfg: dict[str, Any] = dict(neuron_cfg=neuron, norm_cfg=BN, reads_spikes=True, num_heads=2)
        mixers = dict(attn=attention, mlp=dict(type='ChannelMLP', ratio=2))
        self.steps = steps
        self.stem = SpikeConv(3, CHANNELS, 3, norm_cfg=BN)
        self.neuron = build_neuron(neuron)
        self.pool = SpikeMaxPool()
        branches = {name: build_mixer(mixer, CHANNELS, **cfg) for name, mixer in mixers.items()}
        self.block = SpikeSumBlock(branches, neuron_cfg=neuron)
        self.tap = SpikeTap()
        self.readout = SpikeConv(CHANNELS, 5, neuron_cfg=neuron)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, 3, H, W] -> [B, 5, H', W']``."""
        spikes = self.neuron(self.stem(x.expand(self.steps, *x.shape)))
        return self.readout(self.tap(self.block(self.pool(spikes)))).mean(0)


def images(batch: int = 2) -> Tensor:
    return torch.randn(batch, 3, 10, 13, dtype=torch.float64)


def build(attention: str, neuron: dict[str, Any], steps: int = 1) -> nn.Module:
    return wake(Summing(ATTENTIONS[attention], neuron, steps).double(), images(4))


@attentions
def test_weighted_layers_read_the_sums(attention: str) -> None:
    model = build(attention, NILIF)
    assert real_valued_inputs(model, images()) == ['stem.conv']
    D = NILIF['D']
    widen = trace_network(model, images()).inputs['block.branches.mlp.widen.conv'][0]
    assert isinstance(widen, Spikes)
    assert widen.D == 2 * D  # those of the stem and of the attention
    assert widen.neurons == ('neuron', 'block.neurons.attn')


@pytest.mark.parametrize(
    ('attention', 'neuron'),
    [*((attention, NILIF) for attention in ATTENTIONS), ('Spikformer', LIF), ('token', LIF)],
)
def test_twins_send_the_sums_spike_by_spike(attention: str, neuron: dict[str, Any]) -> None:
    model = build(attention, neuron, steps=2)
    twin, foldings = to_spike_inference(model, images())
    assert not [folding for folding in foldings if folding.reason is not None]
    assert_same_answers(model, twin, images())
    assert inputs_not_binary(twin, images()) == {'stem.conv'}


def test_a_tap_makes_a_membrane_of_spikes() -> None:
    trace = trace_network(build('V3', NILIF), images())
    read = trace.inputs['readout'][0]
    assert isinstance(read, Real)
    assert isinstance(trace.inputs['tap'][0], Spikes)


def test_energy_prices_the_additions_of_sums() -> None:
    model = build('V3', NILIF)
    x = images()
    seen: list[Tensor] = []
    widen = model.block.branches['mlp'].widen.conv
    widen.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    report = energy_report(model, [x])
    rows = {row['name']: row for row in report['layers']}
    row = rows['block.branches.mlp.widen.conv']
    assert row['counted_as'] == 'AC'
    spikes = (seen[0] * 3).sum().item() / len(x)  # of an image
    assert row['sops'] == pytest.approx(spikes * 2 * CHANNELS)


class PooledSum(nn.Module):
    """Pools a sum of the spikes of two neurons."""

    def __init__(self, neuron: dict[str, Any]) -> None:
        super().__init__()
        self.stem = SpikeConv(3, CHANNELS, 3, norm_cfg=BN)
        self.first, self.second = build_neuron(neuron), build_neuron(neuron)
        self.sum, self.pool = SpikeSum(), SpikeMaxPool()
        self.conv = SpikeConv(CHANNELS, 5)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, 3, H, W] -> [B, 5, H', W']``."""
        x = self.stem(x[None])
        return self.conv(self.pool(self.sum(self.first(x), self.second(-x))))[0]


@neurons
def test_pooling_of_sums_is_refused(neuron: dict[str, Any]) -> None:
    model = wake(PooledSum(neuron).double(), images())
    said = r"'pool' \(SpikeMaxPool\) reads sums or products of spikes, expected the spikes of a"
    with pytest.raises(ValueError, match=said):
        to_spike_inference(model, images())


def test_without_an_entry_neuron_an_attention_is_the_same_behind_a_neuron() -> None:
    cfg: dict[str, Any] = dict(neuron_cfg=NILIF, norm_cfg=BN, num_heads=2)
    x = 2 * torch.randn(2, 2, CHANNELS, 4, 5, dtype=torch.float64)
    spikes = build_neuron(NILIF)(x)
    for mixer in [*ATTENTIONS.values(), dict(type='ChannelMLP')]:
        first = wake(build_mixer(mixer, CHANNELS, **cfg).double(), x)
        inner = build_mixer(mixer, CHANNELS, reads_spikes=True, **cfg).double().eval()
        inner.load_state_dict(first.state_dict())
        assert torch.equal(inner(spikes), first(x)), mixer


def test_a_token_of_the_input_needs_spikes_of_a_neuron() -> None:
    cfg: dict[str, Any] = dict(neuron_cfg=NILIF, norm_cfg=BN, num_heads=2, reads_spikes=True)
    with pytest.raises(ValueError, match="token='x' beside reads_spikes=True, expected another"):
        build_mixer(dict(type='LRFDynamicAttention', token='x', gate=None), CHANNELS, **cfg)
