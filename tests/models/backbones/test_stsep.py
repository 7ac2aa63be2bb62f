"""STSepResNet on clips: what the branches see, what the tools make of them, how images inflate."""

from pathlib import Path
from typing import Any

import pytest
import torch
from contract import real_valued_inputs, unexplained, wake
from spike_driven import assert_same_answers, inputs_not_binary, run
from torch import Tensor, nn

from spikedense.analysis.energy import EnergySettings, layer_energies
from spikedense.deploy import real_multiplications, to_spike_inference
from spikedense.errors import UserError
from spikedense.models.backbones import STSepResNet
from spikedense.models.backbones.ms_resnet import MSBlock
from spikedense.models.layers import BranchBalance, FrameDifference, SpikeChannelGate
from spikedense.neurons import BaseNeuron, non_stateful
from spikedense.tracing import trace_network

SMALL = dict(depths=(1, 1), base_channels=8)
LIF = dict(type='LIF', decay_input=False)
NILIF = dict(type='NILIF', D=3)
IMAGE_NET = dict(temporal_branch=None)
NETS: dict[str, dict[str, Any]] = {
    'gate': {},
    'gate, integers, on and off': dict(
        neuron_cfg=NILIF, temporal_branch=dict(on_off=True, offsets=(1, 2))
    ),
    'channel SDSA, bottleneck': dict(
        arch=dict(depths=(1, 1), base_channels=4, bottleneck=True),
        temporal_branch=dict(attn='channel_sdsa'),
        temporal_stages=(1,),
        balance=dict(per='block'),
    ),
}


def clip(steps: int = 4, batch: int = 1) -> Tensor:
    return torch.randn(steps, batch, 3, 24, 29, dtype=torch.float64)


def build(**kwargs: Any) -> Any:
    """A small network in float64 whose neurons fire on clips."""
    return wake(STSepResNet(**{'arch': SMALL, **kwargs}).double(), clip(4, 3))


@pytest.mark.parametrize(
    ('kwargs', 'expected'),
    [
        ({}, 12_051_144),
        (dict(temporal_branch=dict(on_off=True)), 12_182_216),
        (dict(temporal_branch=dict(offsets=(1, 2))), 12_183_176),
        (IMAGE_NET, 11_689_512),
    ],
)
def test_parameters(kwargs: dict[str, Any], expected: int) -> None:
    with torch.device('meta'):
        model = STSepResNet(18, **kwargs)
    classifier = 512 * 1000 + 1000
    assert sum(p.numel() for p in model.parameters()) + classifier == expected


def test_differences_are_those_of_the_frames() -> None:
    x = clip(5)
    for offset in (1, 2, 7):
        d = FrameDifference(offset)(x)
        assert d[:offset].eq(0).all()
        torch.testing.assert_close(d[offset:], x[offset:] - x[:-offset], rtol=0, atol=0)
    on, off = FrameDifference(1, on_off=True)(x).chunk(2, dim=2)
    torch.testing.assert_close(on - off, FrameDifference(1)(x), rtol=0, atol=0)
    assert on.min() >= 0 and off.min() >= 0 and (on * off).eq(0).all()


def test_the_gate_projects_the_mean_spikes() -> None:
    gate = SpikeChannelGate(4, neuron_cfg=LIF, norm_cfg=dict(type='BN')).double()
    x = 3 * torch.rand(3, 2, 4, 5, 6, dtype=torch.float64)
    wake(gate, x)
    s = gate.neuron(x)
    current = gate.norm(gate.proj.conv(s.mean((-2, -1), keepdim=True).flatten(0, 1)))
    torch.testing.assert_close(gate(x), s * gate.gate_neuron(current.unflatten(0, (3, 2))))


def test_the_spatial_branch_is_a_block_of_ms_resnet_without_state() -> None:
    mine = build(**IMAGE_NET).stages[1].blocks[0]
    block = MSBlock(8, 16, 2, neuron_cfg=LIF, norm_cfg=dict(type='BN')).double().eval()
    names = {'spatial.0': 'conv1', 'spatial.1': 'conv2', 'shortcut': 'shortcut'}
    for name, other in names.items():
        block.get_submodule(other).load_state_dict(mine.get_submodule(name).state_dict(), False)
        if other != 'shortcut':
            block.get_submodule(other).neuron.stateful = False
    x = torch.randn(3, 2, 8, 6, 7, dtype=torch.float64)
    assert torch.equal(mine(x), block(x))


def test_without_a_share_the_temporal_branch_changes_nothing() -> None:
    model = build(balance=dict(init=0, learnable=False))
    alone = STSepResNet(SMALL, **IMAGE_NET).double().eval()
    alone.load_state_dict({k: v for k, v in model.state_dict().items() if k in alone.state_dict()})
    x = clip()
    for out, expected in zip(model(x), alone(x), strict=True):
        assert torch.equal(out, expected)


@pytest.mark.parametrize(
    ('kwargs', 'equivariant'),
    [
        (IMAGE_NET, True),
        (dict(balance=dict(init=0, learnable=False)), True),
        (dict(temporal_branch=None, spatial_stateful=True), False),
        ({}, False),
        (dict(balance=dict(init=1, learnable=False)), False),
    ],
)
def test_only_state_or_differences_know_the_order_of_frames(
    kwargs: dict[str, Any], equivariant: bool
) -> None:
    model, x = build(**kwargs), clip()
    for order in (torch.arange(3, -1, -1), torch.tensor([2, 0, 3, 1])):
        pairs = zip(model(x[order]), model(x), strict=True)
        same = [torch.allclose(moved, out[order], rtol=1e-9) for moved, out in pairs]
        assert all(same) is equivariant


def test_gradients_cross_time_in_the_temporal_branch_only() -> None:
    for kwargs, crosses in ((IMAGE_NET, False), ({}, True)):
        model, x = build(**kwargs), clip().requires_grad_()
        (grad,) = torch.autograd.grad(model(x)[-1][2].square().sum(), x)
        assert grad[2].any() and not grad[3].any()
        assert bool(grad[1].any()) is crosses


def test_a_clip_that_stands_still_has_no_temporal_part() -> None:
    model = STSepResNet(SMALL).eval()
    for out in model(torch.randn(1, 2, 3, 24, 29).expand(4, -1, -1, -1, -1)):
        torch.testing.assert_close(out, out[:1].expand_as(out))
    branch = model.stages[0].blocks[0].temporal
    assert not branch(torch.randn(1, 2, 8, 6, 7).expand(4, -1, -1, -1, -1)).any()


@pytest.mark.parametrize('name', NETS)
def test_twins_send_binary_spikes_and_answer_the_same(name: str) -> None:
    model = build(**NETS[name])
    assert unexplained(real_valued_inputs(model, clip())) == []
    twin, foldings = to_spike_inference(model, clip())
    assert not [folding for folding in foldings if folding.reason is not None]
    assert any(folding.what == 'balance' for folding in foldings)
    assert not [m for m in twin.modules() if isinstance(m, BranchBalance | nn.BatchNorm2d)]
    assert_same_answers(model, twin, clip(4, 2))
    calls, _ = run(model, clip(4, 2))
    assert all(any(call.counts.any() for call in its) for its in calls.values())
    blocks = (0, 1) if 'bottleneck' in name else (1,)
    real = {f'stages.{i}.blocks.0.shortcut.conv' for i in blocks} | {'stages.0.downsample.0.conv'}
    assert inputs_not_binary(twin, clip()) == real
    found = [m for m in real_multiplications(twin, clip()) if not m.neuron]
    gates = {m.module for m in found if m.operation == 'mean'}
    assert {m.module for m in found} == real | gates
    assert all(place.endswith('temporal.attn') for place in gates)


def test_the_temporal_branch_adds_up_spikes() -> None:
    operations = trace_network(build(), clip()).operations
    for layer in layer_energies(operations, EnergySettings('strict'), steps=4):
        if '.temporal.' in layer.name and layer.name.endswith('.conv'):
            assert layer.acs > 0 and layer.macs == 0, layer.name


def test_frames_one_by_one_equal_the_clip() -> None:
    model, x = build(temporal_branch=dict(offsets=(1, 2))), clip(6)
    expected = model(x)
    stream = build(temporal_branch=dict(offsets=(1, 2)), neuron_cfg=dict(LIF, keep_state=True))
    stream.load_state_dict(model.state_dict())
    keeping = [m for m in stream.modules() if getattr(m, 'keep_state', False)]
    assert sum(isinstance(m, FrameDifference) for m in keeping) == 4
    for _ in range(2):
        for module in keeping:
            module.reset()
        steps = [stream(part) for part in (x[:1], x[1:4], x[4:5], x[5:])]
        for outs, out in zip(zip(*steps, strict=True), expected, strict=True):
            torch.testing.assert_close(torch.cat(outs), out)


def test_weights_of_an_image_network_are_inflated(tmp_path: Path) -> None:
    path = str(tmp_path / 'image.pth')
    source = build(**IMAGE_NET)
    torch.save(dict(state_dict={f'backbone.{k}': v for k, v in source.state_dict().items()}), path)
    init = dict(type='Pretrained', checkpoint=path)
    model = STSepResNet(SMALL, init_cfg=init, temporal_stages=(1,)).double().eval()
    model.init_weights()
    x = clip()
    for out, expected in zip(model(x), source(x), strict=True):
        torch.testing.assert_close(out, expected)
    assert model.stages[1].blocks[0].temporal.reduce[0].conv.weight.any()
    only = STSepResNet(SMALL, balance=dict(init=1, learnable=False), init_cfg=init)
    with pytest.raises(UserError, match='balance: init=1 leaves no share to the spatial branch'):
        only.init_weights()


def test_neurons_without_state() -> None:
    assert non_stateful(dict(type='ReLU')) == dict(type='ReLU')
    made = non_stateful(dict(type='spikedense.LIF', tau=3.0, keep_state=True))
    assert made == dict(type='spikedense.LIF', tau=3.0, stateful=False)
    model = STSepResNet(SMALL)
    states = {n: m.stateful for n, m in model.named_modules() if isinstance(m, BaseNeuron)}
    assert all(stateful == ('.temporal.' in name) for name, stateful in states.items())
    ann = STSepResNet(SMALL, neuron_cfg=dict(type='ReLU'))
    assert all(torch.isfinite(out).all() for out in ann(clip().float()))


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(arch=101), r'arch=101, expected one of \[18, 34, 50\] or a dict'),
        (dict(temporal_branch=dict(attention='gate')), r"temporal_branch=\{'attention'.*some of"),
        (dict(temporal_branch=dict(attn='mean')), "attn='mean', expected one of"),
        (dict(temporal_branch=dict(offsets=())), r'offsets=\(\), expected a list of integers'),
        (dict(temporal_branch=dict(offsets=(0,))), 'offsets: 0, expected integers of at least 1'),
        (dict(temporal_branch=dict(reduction=3)), 'reduction=3, expected a divisor of 64'),
        (dict(temporal_stages=(4,)), r'temporal_stages=\(4,\), expected stages among 0\.\.3'),
        (dict(balance=dict(init=0)), 'init=0, learnable=True, expected a number from 0 to 1'),
        (dict(balance=dict(init=2, learnable=False)), 'init=2, learnable=False, expected a number'),
        (dict(balance=dict(per='pixel')), "per='pixel', expected one of"),
    ],
)
def test_wrong_settings_are_told(kwargs: dict[str, Any], message: str) -> None:
    with torch.device('meta'), pytest.raises(ValueError, match=message):
        STSepResNet(**kwargs)
