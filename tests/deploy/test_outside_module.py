"""Modules that this package does not know: right, or refused in one sentence, never wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from contract import wake
from mmcv.cnn import ConvModule
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from spikedense.analysis.energy_report import energy_report
from spikedense.deploy import fold, real_multiplications, to_spike_inference, twin_of
from spikedense.deploy.nir_export import export_nir
from spikedense.deploy.onnx_export import ExportError, export_onnx
from spikedense.deploy.onnx_runtime import OnnxNetwork
from spikedense.models.backbones import SDTV3
from spikedense.models.layers import (
    AttentionProduct,
    ChannelMLP,
    LayerScale,
    SpikeBlock,
    SpikeConv,
    SpikeSelfAttention,
    SpikeSeparableConv,
    SpikeSum,
    over_time,
)
from spikedense.models.layers.attention.heads import merge_heads, split_heads
from spikedense.models.layers.mask_embed import SpikeMaskEmbed
from spikedense.neurons import NILIF, build_neuron, comparing, rescaled_input
from spikedense.utils.answers import ClassTable, Unfoldable, ask

CFG: dict[str, Any] = dict(neuron_cfg=dict(type='NILIF', D=4), norm_cfg=dict(type='BN'))


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


class Net(nn.Module):
    """A stem, a block and a read-out."""

    def __init__(self, branch: nn.Module, layer_scale: float | None = None) -> None:
        super().__init__()
        self.stem = SpikeConv(3, 8, 3, norm_cfg=CFG['norm_cfg'])
        self.block = SpikeBlock(8, dict(branch=branch), layer_scale=layer_scale)
        self.readout = SpikeConv(8, 5, neuron_cfg=CFG['neuron_cfg'])

    def forward(self, x: Tensor) -> Tensor:
        return self.readout(self.block(self.stem(x.unsqueeze(0))))[0]


def images() -> Tensor:
    return torch.randn(2, 3, 6, 7, dtype=torch.float64)


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


class Quieter(NILIF):
    """A neuron that fires otherwise, and answers nothing."""

    def fire(self, potential: Tensor, norm: float = 1.0) -> Tensor:
        return super().fire(potential - 1, norm)


class Renamed(NILIF):
    """A neuron that only has other defaults."""

    def __init__(self) -> None:
        super().__init__(D=2)


def test_answers_are_inherited_only_by_what_computes_the_same() -> None:
    assert comparing(Quieter()) is None
    with pytest.raises(Unfoldable, match='Quieter has no threshold'):
        rescaled_input(Quieter(), 0.5)
    assert comparing(Renamed()) is not None

    class Tall(ChannelMLP):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)

    class Told(Tall):
        def out_layer(self) -> nn.Module:
            return self.narrow.conv

    class Taller(Told):
        def forward(self, x: Tensor) -> Tensor:
            return 3 * super().forward(x)

    assert ask(ChannelMLP(8, **CFG), 'out_layer') is not None
    assert ask(Told(8, **CFG), 'out_layer') is not None
    assert ask(Told(8, **CFG), 'no such question') is None
    for cls in (Tall, Taller):
        with pytest.raises(Unfoldable, match=f'{cls.__name__} overrides forward'):
            ask(cls(8, **CFG), 'out_layer')


def test_a_table_finds_classes_and_what_computes_the_same() -> None:
    table: ClassTable[str] = ClassTable()
    table.register(nn.Conv2d)('convolution')

    class Named(nn.Conv2d):
        pass

    class Other(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            return -super().forward(x)

    assert table.find(nn.Conv2d(1, 1, 1)) == table.find(Named(1, 1, 1)) == 'convolution'
    assert table.find(Other(1, 1, 1)) is None and table.find(nn.Linear(1, 1)) is None
    table.register(Other)('another')
    assert table.find(Other(1, 1, 1)) == 'another'
    assert table.classes == (nn.Conv2d, Other)


class DoubledProduct(AttentionProduct):
    """A product that adds the values once more."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        return super().forward(q, k, v, mask) + v


class ShiftedConv(SpikeConv):
    """A layer that shifts its input in front of the neuron."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + 0.3)


class SquaredNorm(nn.BatchNorm2d):
    """A batch norm with another function."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x) ** 2


class StandardisedConv(nn.Conv2d):
    """A convolution whose weights are standardised at each call."""

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.weight - self.weight.mean((1, 2, 3), True)) / self.weight.std()
        return nn.functional.conv2d(x, weight, self.bias, padding=1)


class OneAndScale(LayerScale):
    """A layer scale around one."""

    def forward(self, x: Tensor) -> Tensor:
        return x + super().forward(x)


def attention(**kwargs: Any) -> SpikeSelfAttention:
    return SpikeSelfAttention(8, 2, kwargs.pop('scale', 0.3), **CFG, **kwargs)


def with_product() -> nn.Module:
    module = attention()
    module.product = DoubledProduct(0.3)
    return module


def with_out_proj() -> nn.Module:
    module = attention()
    module.out_proj = ShiftedConv(8, 8, **CFG)
    return module


def with_forward_of_its_own() -> nn.Module:
    module = attention()
    original = module.forward
    module.forward = lambda x: original(x) + 0.1 * module.neuron(x)  # type: ignore[method-assign]
    return module


def with_standardised_weights() -> nn.Module:
    module = SpikeConv(8, 8, 3, **CFG)
    module.conv = StandardisedConv(8, 8, 3, padding=1)
    return module


def with_another_norm() -> nn.Module:
    module = SpikeConv(8, 8, 3, **CFG)
    module.norm = SquaredNorm(8)
    return module


def with_weight_norm() -> nn.Module:
    module = ChannelMLP(8, 2, neuron_cfg=CFG['neuron_cfg'], norm_cfg=dict(type='GN', num_groups=2))
    module.narrow.norm = None
    weight_norm(module.narrow.conv)
    return module


def separable(change: Callable[[SpikeSeparableConv], None]) -> nn.Module:
    module = SpikeSeparableConv(8, 3, mid_neuron=False, **CFG)
    change(module)
    return module


def reflect(module: SpikeSeparableConv) -> None:
    module.depthwise.conv.padding_mode = 'reflect'
    module.depthwise.conv._reversed_padding_repeated_twice = [1, 1, 1, 1]


def wide_projection(module: SpikeSeparableConv) -> None:
    module.project.conv = nn.Conv2d(16, 8, 3, padding=1)


def two_attentions_of_one_projection() -> nn.Module:
    first, second = attention(scale=0.3), attention(scale=0.7)
    second.out_proj = first.out_proj
    return nn.Sequential(first, second)


def one_convolution_of_two_layers() -> nn.Module:
    first, second = SpikeConv(8, 8, 3, **CFG), SpikeConv(8, 8, 3, **CFG)
    second.conv = first.conv
    return nn.Sequential(first, second)


def norm_in_front() -> nn.Module:
    return OverTime(ConvModule(8, 8, 1, norm_cfg=CFG['norm_cfg'], order=('norm', 'conv', 'act')))


class OverTime(nn.Module):
    """A layer of maps on maps with a time axis."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return over_time(self.layer, x)


#: What is built -> a word of each refusal.
REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    'another product': (with_product, 'DoubledProduct'),
    'another layer behind the product': (with_out_proj, 'ShiftedConv'),
    'forward of the instance': (with_forward_of_its_own, 'overrides forward'),
    'a negative scale': (lambda: attention(scale=-0.3), 'above 0'),
    'standardised weights': (with_standardised_weights, 'StandardisedConv'),
    'another norm': (with_another_norm, 'SquaredNorm'),
    'weight norm': (with_weight_norm, 'computed from other parameters'),
    'reflecting borders': (lambda: separable(reflect), 'depth-wise'),
    'a wide projection': (lambda: separable(wide_projection), 'depth-wise'),
    'a shared projection': (two_attentions_of_one_projection, 'shares'),
    'a shared convolution': (one_convolution_of_two_layers, 'shares'),
    'a norm in front of its convolution': (norm_in_front, 'order'),
}


@pytest.mark.parametrize('what', REFUSED)
def test_what_cannot_be_folded_is_refused_by_name(what: str) -> None:
    make, said = REFUSED[what]
    model, x = wake(Net(make(), layer_scale=0.5).double(), images()), images()
    expected = model(x)
    refused = [f.reason for f in fold(model) if f.reason is not None]
    torch.testing.assert_close(model(x), expected, rtol=1e-9, atol=1e-9)
    assert any(said in str(reason) for reason in refused), refused


def test_another_layer_scale_and_a_norm_in_training_stay() -> None:
    model, x = net(layer_scale=0.5), images()
    model.block.scales['branch'] = OneAndScale(8, 0.5).double()
    model.stem.norm.train()
    fold(model)
    assert isinstance(model.stem.norm, nn.BatchNorm2d)
    assert isinstance(model.block.scales['branch'], OneAndScale)
    assert model(x).std() > 0


@pytest.mark.parametrize('norm_cfg', [dict(type='GN', num_groups=2), CFG['norm_cfg']])
@pytest.mark.parametrize('shortcut', ['me_query_conv', 'me_channel_conv'])
def test_the_weight_of_a_shortcut_waits_for_its_norm(norm_cfg: dict, shortcut: str) -> None:
    embed = SpikeMaskEmbed(
        8, 8, 6, shortcut, neuron_cfg=CFG['neuron_cfg'], norm_cfg=norm_cfg
    ).double()
    queries = 2 * torch.randn(1, 2, 6, 8, dtype=torch.float64)
    wake(embed, queries)
    nn.init.constant_(embed.weight, 0.3)
    expected = embed(queries)
    foldings = fold(embed, steps=1)
    for found, wanted in zip(embed(queries), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)
    refused = {f.what for f in foldings if f.reason is not None}
    assert refused == ({'norm', 'shortcut weight'} if norm_cfg['type'] == 'GN' else set())


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


def test_nir_takes_no_backbone_that_computes_more_than_its_stages(tmp_path: Path) -> None:
    class Shifted(SDTV3):
        def forward(self, x: Tensor) -> tuple[Tensor, ...]:
            return tuple(y + 1 for y in super().forward(x))

    arch = dict(embed_dims=(8, 16, 16, 16), depths=(1, 1, 0, 0, 0), num_heads=4)
    with pytest.raises(ExportError, match='Shifted overrides a method of SpikeBackbone'):
        export_nir(Shifted(arch, neuron_cfg=dict(type='LIF')), tmp_path / 'net.nir', (16, 16))
    assert list(tmp_path.iterdir()) == []
