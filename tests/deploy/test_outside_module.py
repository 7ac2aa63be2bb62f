"""Modules that this package does not know: right, or refused in one sentence, never wrong."""

from pathlib import Path
from typing import Any

import pytest
import torch
from contract import wake
from one_branch_net import CFG, Net, images
from torch import Tensor, nn

from spikedense.analysis.energy_report import energy_report
from spikedense.deploy import fold, real_multiplications, to_spike_inference, twin_of
from spikedense.deploy.onnx_export import export_onnx
from spikedense.deploy.onnx_runtime import OnnxNetwork
from spikedense.models.layers import (
    SpikeConv,
    SpikeSelfAttention,
    SpikeSum,
    over_time,
)
from spikedense.models.layers.attention.heads import merge_heads, split_heads
from spikedense.neurons import build_neuron


class LocalAttention(SpikeSelfAttention):
    """Adds a local term to the product, in front of the neuron, and answers nothing."""

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__(channels, num_heads, 0.3, **CFG)
        self.local = SpikeConv(channels, channels, 3, groups=channels, norm_cfg=CFG['norm_cfg'])

    def forward(self, x: Tensor) -> Tensor:
        s = self.neuron(x)
        q, k = self.q_neuron(self.q_conv(s)), self.k_neuron(self.k_conv(s))
        v = self.v_neuron(self.v_conv(s))
        heads = (split_heads(y, self.num_heads) for y in (q, k, v))
        return self.out_proj(merge_heads(self.product(*heads), like=x) + self.local(v))


def net(**kwargs: Any) -> nn.Module:
    return wake(Net(LocalAttention(8, 2), **kwargs).double(), images())


def test_energy_counts_the_local_term() -> None:
    report = energy_report(net(), [images()])
    rows = {(row['name'], row['operation']): row for row in report['layers']}
    local = rows['block.branches.branch.local.conv', 'convolution']
    assert local['counted_as'] == 'AC' and local['dense_macs'] == 8 * 9 * 6 * 7
    assert local['neuron'] == 'block.branches.branch.v_neuron' and local['sops'] > 0
    assert report['attention_macs']['linear'] > 0


def test_folding_refuses_the_scales_by_name_and_changes_nothing() -> None:
    model = net(layer_scale=0.5)
    x = images()
    expected = model(x)
    refused = {f.where: f.reason for f in fold(model) if f.reason is not None}
    torch.testing.assert_close(model(x), expected, rtol=1e-9, atol=1e-9)
    assert set(refused) == {'block.scales.branch', 'block.branches.branch'}
    for reason in refused.values():
        assert reason is not None and 'LocalAttention overrides forward' in reason
    assert model.block.branches['branch'].product.scale == 0.3


def test_the_twin_is_right_and_keeps_the_scale() -> None:
    model, x = net(layer_scale=0.5), images()
    twin, foldings = to_spike_inference(model, x)
    fresh = images()
    torch.testing.assert_close(twin(fresh), model(fresh), rtol=1e-9, atol=1e-9)
    assert sum(f.reason is not None for f in foldings) == 2
    left = {m.module for m in real_multiplications(twin, x) if not m.pixels and not m.neuron}
    assert left == {'block.branches.branch.product', 'block.scales.branch'}


def test_the_graph_computes_the_same(tmp_path: Path) -> None:
    # Weights and pixels on a grid: all sums are exact in float32, whatever their order.
    model = net()
    fold(model)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_((64 * parameter).round() / 64)
    model.block.branches['branch'].product.scale = 0.25
    x = (8 * images()[:1]).round() / 8
    export_onnx(model.float(), tmp_path / 'out', (6, 7))
    (found,) = OnnxNetwork(tmp_path / 'out')(x.float())
    with torch.no_grad():
        assert torch.equal(found, model(x.float()))
    assert found.std() > 0


class OtherProduct(nn.Module):
    """A product without a twin."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x * y


class Gate(nn.Module):
    """Multiplies the spikes of two neurons."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = build_neuron(CFG['neuron_cfg']), build_neuron(CFG['neuron_cfg'])
        self.product = OtherProduct()
        self.out = SpikeConv(8, 8, neuron_cfg=CFG['neuron_cfg'])

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.product(self.a(x), self.b(-x + 1)))


def test_an_unknown_product_is_refused_by_name() -> None:
    model = wake(Net(Gate()).double(), images())
    with pytest.raises(ValueError, match=r"product' \(OtherProduct\) reads the spikes of '.*\.a'"):
        to_spike_inference(model, images())


class Squared(nn.Module):
    """The square of a spiking map: a product that brings its own twin and its own factor."""

    def __init__(self) -> None:
        super().__init__()
        self.factor = 1.0

    def forward(self, x: Tensor) -> Tensor:
        return self.factor * x.square()

    def scale_operand(self, which: int, factor: float) -> None:
        self.factor *= factor**2


@twin_of(Squared)
class SpikeSquared(nn.Module):
    """Its twin: one factor is accumulated, the spikes of the other add it up."""

    def __init__(self, product: Squared, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.factor, self.levels = product.factor, levels[0]

    def forward(self, x: Tensor) -> Tensor:
        planes = x.unflatten(1, (-1, self.levels))
        return self.factor * (planes * planes.sum(2, keepdim=True)).sum(2)


class SquaredBranch(nn.Module):
    """Spikes, squared, into a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.neuron = build_neuron(CFG['neuron_cfg'])
        self.product = Squared()
        self.out = SpikeConv(8, 8, neuron_cfg=CFG['neuron_cfg'])

    def forward(self, x: Tensor) -> Tensor:
        return self.out(3 * self.product(self.neuron(x)))


def test_a_product_from_outside_brings_its_twin() -> None:
    model, x = wake(Net(SquaredBranch()).double(), images()), images()
    twin, _ = to_spike_inference(model, x)
    assert any(isinstance(m, SpikeSquared) for m in twin.modules())
    fresh = images()
    torch.testing.assert_close(twin(fresh), model(fresh), rtol=1e-9, atol=1e-9)


class SumOfSpikes(nn.Module):
    """A residual sum of spikes, as in SEW-ResNet, that a layer reads."""

    def __init__(self, total: nn.Module, first: dict[str, Any], second: dict[str, Any]) -> None:
        super().__init__()
        self.first, self.second = build_neuron(first), build_neuron(second)
        self.conv, self.total = nn.Conv2d(8, 8, 3, padding=1), total
        self.out = nn.Conv2d(8, 8, 1)

    def forward(self, x: Tensor) -> Tensor:
        s = self.first(x)
        return over_time(self.out, self.total(s, self.second(over_time(self.conv, s))))


SUMMED = [
    (dict(type='IF'), dict(type='LIF', tau=1.5)),
    (dict(type='NILIF', D=4), dict(type='NILIF', D=2, norm=4)),
    (dict(type='ILIF', D=3), dict(type='ILIF', D=1)),
]


@pytest.mark.parametrize(('first', 'second'), SUMMED)
def test_sums_of_spikes_are_sent_one_after_the_other(first: dict, second: dict) -> None:
    model = wake(Net(SumOfSpikes(SpikeSum(), first, second)).double(), images())
    twin, _ = to_spike_inference(model, images())
    fresh = images()
    torch.testing.assert_close(twin(fresh), model(fresh), rtol=1e-9, atol=1e-9)
    seen: list[Tensor] = []
    layer = twin.block.branches['branch'].out
    layer.synapses.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    twin(fresh)
    assert ((seen[0] == 0) | (seen[0] == 1)).all() and seen[0].any()


class _Added(nn.Module):
    """A sum that is no :class:`SpikeSum`."""

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y


def test_another_sum_of_spikes_is_refused_by_name() -> None:
    branch = SumOfSpikes(_Added(), dict(type='IF'), dict(type='IF'))
    model = wake(Net(branch).double(), images())
    with pytest.raises(ValueError, match=r"total' \(_Added\) reads the spikes .* by 'add'"):
        to_spike_inference(model, images())


def test_a_wrong_factor_is_found_behind_a_tiny_layer_scale() -> None:
    class Wrong(Squared):
        def scale_operand(self, which: int, factor: float) -> None:
            self.factor *= factor

    branch = SquaredBranch()
    branch.product = Wrong()
    model = wake(Net(branch, layer_scale=1e-6).double(), images())
    with pytest.raises(
        ValueError, match=r"neuron 'block\.branches\.branch\.out\.neuron' emits other"
    ):
        to_spike_inference(model, images())


def test_sums_of_spikes_of_two_scales_are_refused_by_name() -> None:
    branch = SumOfSpikes(SpikeSum(), dict(type='NILIF', D=4), dict(type='ILIF', D=4))
    model = wake(Net(branch).double(), images())
    with pytest.raises(ValueError, match=r"total' \(SpikeSum\) adds spikes of the scales"):
        to_spike_inference(model, images())
