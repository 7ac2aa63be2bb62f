"""What folding does not know is refused by name, and the model stays as it was."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from contract import wake
from mmcv.cnn import ConvModule
from one_branch_net import CFG, Net, images
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from spikedense.deploy import fold
from spikedense.models.layers import (
    AttentionProduct,
    ChannelMLP,
    LayerScale,
    SpikeConv,
    SpikeSelfAttention,
    SpikeSeparableConv,
    over_time,
)
from spikedense.models.layers.mask_embed import SpikeMaskEmbed


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
def with_a_negative_scale() -> nn.Module:
    module = attention()
    module.product.scale = -0.3
    return module


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    'another product': (with_product, 'DoubledProduct'),
    'another layer behind the product': (with_out_proj, 'ShiftedConv'),
    'forward of the instance': (with_forward_of_its_own, 'overrides forward'),
    'a negative scale': (with_a_negative_scale, 'above 0'),
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
    model = wake(Net(attention(), layer_scale=0.5).double(), images())
    x = images()
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
