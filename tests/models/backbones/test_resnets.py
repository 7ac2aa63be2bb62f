"""The residual networks: what joins spikes, what the tools make of it, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
import torch
from contract import wake
from spike_driven import assert_same_answers, inputs_not_binary
from torch import Tensor, nn

from spikedense.converters import convert_state_dict, recognised_families
from spikedense.deploy import fold, real_multiplications, to_spike_inference
from spikedense.deploy.onnx_export import export_onnx
from spikedense.deploy.onnx_runtime import OnnxNetwork
from spikedense.deploy.twins import InhibitedSpikes
from spikedense.models.backbones import MSResNet, SEWResNet, SpikingResNet
from spikedense.models.backbones.ms_resnet import MSBlock
from spikedense.models.layers import SpikeInhibition
from spikedense.registry import MODELS
from spikedense.tracing import Real, Spikes, trace_network

NILIF = dict(type='NILIF', D=3)
SMALL = dict(depths=(2, 1), base_channels=4)
NETS: dict[str, dict[str, Any]] = {
    'ADD of integers': dict(type='SEWResNet', neuron_cfg=NILIF),
    'ADD': dict(type='SEWResNet', T=2),
    'AND': dict(type='SEWResNet', cnf='AND'),
    'IAND': dict(type='SEWResNet', cnf='IAND', T=2),
    'post-sum': dict(type='SpikingResNet', neuron_cfg=NILIF, T=2),
    'membrane': dict(type='MSResNet', T=2),
    'membrane, integers': dict(type='MSResNet', neuron_cfg=NILIF),
}


def image(batch: int = 1) -> Tensor:
    return torch.randn(batch, 3, 24, 29, dtype=torch.float64)


def build(name: str, **kwargs: Any) -> Any:
    model = MODELS.build({'arch': SMALL, 'T': 1, **NETS[name], **kwargs})
    return wake(model.double(), image(4))


@pytest.mark.parametrize('name', NETS)
def test_twins_send_binary_spikes_and_answer_the_same(name: str) -> None:
    model = build(name)
    twin, foldings = to_spike_inference(model, image())
    assert not [folding for folding in foldings if folding.reason is not None]
    assert_same_answers(model, twin, image(2))
    real = {'stages.0.downsample.0.conv'}
    if name.startswith('membrane'):
        real |= {f'stages.{i}.blocks.0.shortcut.conv' for i in (1, 2)}
    assert inputs_not_binary(twin, image()) == real
    found = {(m.module, m.kind) for m in real_multiplications(twin, image()) if not m.neuron}
    assert {module for module, _ in found} == real


@pytest.mark.parametrize('name', ['ADD of integers', 'IAND', 'post-sum', 'membrane'])
def test_graphs_compute_the_same(name: str, tmp_path: Path) -> None:
    # Weights and pixels on a grid: all sums are exact in float32, whatever their order.
    model = build(name, T=1)
    fold(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_((64 * parameter).round() / 64)
    x = (8 * image()).round().float() / 8
    export_onnx(model.float(), tmp_path / 'out', (24, 29))
    for found, expected in zip(OnnxNetwork(tmp_path / 'out')(x), model(x), strict=True):
        torch.testing.assert_close(found, expected)
        assert found.std() > 0


def test_the_trace_follows_integers_through_sums() -> None:
    values = trace_network(build('ADD of integers'), image()).inputs
    first, second = (values[f'stages.0.blocks.{j}.branch.convs.0.conv'][0] for j in range(2))
    last = values['stages.1.blocks.0.branch.convs.0.conv'][0]
    assert isinstance(first, Spikes) and isinstance(second, Spikes) and isinstance(last, Spikes)
    assert (first.D, second.D, last.D) == (3, 6, 9)


def test_the_trace_follows_inhibited_spikes() -> None:
    values = trace_network(build('IAND'), image()).inputs
    read = values['stages.1.blocks.0.branch.convs.0.conv'][0]
    assert isinstance(read, Spikes) and (read.D, read.norm) == (1, 1)
    assert 'stages.0.blocks.1.branch.neurons.1' in read.neurons
    assert 0 < read.mean < 1


class Inhibited(nn.Module):
    """An integer neuron inhibited by another neuron, read by a convolution."""

    def __init__(self, neuron_cfg: dict[str, Any]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.one, self.other = (MODELS.build(cfg) for cfg in (NILIF, neuron_cfg))
        self.inhibit = SpikeInhibition()
        self.conv = nn.Conv2d(4, 2, 3)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, 3, H, W] -> [B, 2, H', W']``."""
        x = 4 * self.stem(x)
        return self.conv(self.inhibit(self.one(x[None]), self.other(-x[None]))[0])


def test_binary_spikes_inhibit_integers() -> None:
    model = Inhibited(dict(type='NILIF', D=1)).double().eval()
    twin, _ = to_spike_inference(model, image())
    assert_same_answers(model, twin, image(2))
    assert inputs_not_binary(twin, image()) == {'stem'}


def test_integers_do_not_inhibit() -> None:
    model = Inhibited(dict(type='NILIF', D=2)).double().eval()
    assert isinstance(trace_network(model, image()).inputs['conv'][0], Real)
    with pytest.raises(ValueError, match=r"'inhibit' \(SpikeInhibition\).*needs spikes y of 0 and"):
        to_spike_inference(model, image())
    with pytest.raises(ValueError, match='integers up to 2 inhibit spikes, expected binary'):
        InhibitedSpikes(SpikeInhibition(), (1, 2))


def test_blocks_of_ms_resnet_start_as_the_identity() -> None:
    block = MSBlock(4, 4, neuron_cfg=dict(type='StrictLIF'), norm_cfg=dict(type='BN'))
    x = torch.randn(2, 1, 4, 5, 6)
    assert torch.equal(block(x), x)
    weights = {
        name: value.unique().tolist()
        for name, value in MSResNet(dict(depths=(1,), base_channels=4)).named_parameters()
        if name.endswith('norm.weight')
    }
    assert {value for values in weights.values() for value in values} == {0.0, 0.5}
    assert [name for name, values in weights.items() if values == [0.0]] == [
        'stages.1.blocks.0.conv2.norm.weight'
    ]


def test_a_relu_makes_an_ann() -> None:
    for cls in (SEWResNet, SpikingResNet, MSResNet):
        model = cls(SMALL, neuron_cfg=dict(type='ReLU'), T=1)
        assert all(torch.isfinite(out).all() for out in model(image().float()))


WRONG: list[tuple[type, dict[str, Any], str]] = [
    (
        SEWResNet,
        dict(arch=20),
        r'arch=20, expected one of \[18, 34, 50, 101, 152\] or a dict',
    ),
    (MSResNet, dict(arch='18'), r"MSResNet: arch='18', expected one of \[18, 34, 104\] or a dict"),
    (MSResNet, dict(arch=dict(width=3)), 'arch: depths=None, expected a number of blocks for'),
    (SpikingResNet, dict(arch=dict(depths=(1, 0))), r'arch: depths=\(1, 0\), expected a number'),
    (
        MSResNet,
        dict(arch=dict(depths=(1,), bottleneck=True)),
        'expected depths and, optionally, base_channels, deep_stem, avg_down',
    ),
    (SEWResNet, dict(cnf='OR'), r"cnf='OR', expected one of \['ADD', 'AND', 'IAND'\]"),
    (
        SEWResNet,
        dict(arch=SMALL, cnf='AND', neuron_cfg=NILIF),
        r"cnf='AND' with neuron_cfg=\{.*\}, expected a neuron that emits 0 and 1, or cnf='ADD'",
    ),
    (
        SEWResNet,
        dict(cnf='IAND', drop_path_rate=0.1),
        "drop_path_rate=0.1, expected 'ADD' or",
    ),
]


@pytest.mark.parametrize(('cls', 'kwargs', 'message'), WRONG)
def test_wrong_settings_are_told(cls: type, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cls(**kwargs)


@pytest.mark.parametrize(
    ('official', 'ours'),
    [
        ('layer1.0.conv1.module.0.weight', 'stages.0.blocks.0.branch.convs.0.conv.weight'),
        ('layer1.0.conv1.0.weight', 'stages.0.blocks.0.branch.convs.0.conv.weight'),
        ('layer2.0.downsample.0.module.1.bias', 'stages.1.blocks.0.shortcut.convs.0.norm.bias'),
        ('layer2.0.downsample.0.1.bias', 'stages.1.blocks.0.shortcut.convs.0.norm.bias'),
        ('layer2.0.downsample.1.bias', 'stages.1.blocks.0.shortcut.norm.bias'),
        ('bn1.bias', 'stages.0.downsample.0.norm.bias'),
        ('conv2_x.0.residual_function.2.bn.weight', 'stages.1.blocks.0.conv1.norm.weight'),
        ('conv2_x.0.shortcut.1.weight', 'stages.1.blocks.0.shortcut.conv.weight'),
    ],
)
def test_official_keys(official: str, ours: str) -> None:
    keys = ['layer1.0.conv1.module.0.weight', 'conv2_x.0.residual_function.2.bn.weight']
    state = {key: torch.zeros(1) for key in (official, *keys)}
    assert convert_state_dict(state).names[official] == f'backbone.{ours}'
    converted = convert_state_dict({**state, 'fc.weight': torch.zeros(1)})
    assert 'head.fc.weight' in converted.state_dict and converted.unexpected == []
    assert recognised_families(converted.state_dict) == []
