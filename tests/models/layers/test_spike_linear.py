"""Neuron, linear layer and norm on vectors; time on a batch of none."""

import pytest
import torch
from torch import nn

from spikedense.models.layers import SpikeConv, SpikeDeconv, SpikeLinear, fold_time, unfold_time

BN = dict(type='BN')


@pytest.mark.parametrize('norm_cfg', [None, BN])
def test_it_is_a_1x1_convolution_of_one_pixel(norm_cfg: dict | None) -> None:
    linear = SpikeLinear(6, 4, neuron_cfg=dict(type='LIF'), norm_cfg=norm_cfg).double()
    conv = SpikeConv(6, 4, 1, neuron_cfg=dict(type='LIF'), norm_cfg=norm_cfg).double()
    names = {'linear.weight': 'conv.weight', 'linear.bias': 'conv.bias'}
    state = {names.get(k, k): v for k, v in linear.state_dict().items()}
    state['conv.weight'] = state['conv.weight'][..., None, None]
    conv.load_state_dict(state)
    x = 3 * torch.randn(3, 5, 6, dtype=torch.double)
    torch.testing.assert_close(linear(x), conv(x[..., None, None])[..., 0, 0])
    assert linear(x).std() > 0


@pytest.mark.parametrize('number', [0, 1])
def test_few_rois_train(number: int) -> None:
    layers = nn.Sequential(SpikeLinear(6, 8, norm_cfg=BN), SpikeLinear(8, 4, norm_cfg=BN))
    out = layers(torch.randn(1, number, 6))
    assert out.shape == (1, number, 4)
    out.sum().backward()
    assert all(p.grad is not None for p in layers.parameters())


def test_deconvolution_enlarges() -> None:
    layer = SpikeDeconv(6, 4, 3, norm_cfg=BN, neuron_cfg=dict(type='NILIF', D=4))
    assert layer.conv.bias is None
    x = torch.randn(2, 3, 6, 5, 7)
    expected = layer.conv(fold_time(layer.neuron(x)))
    assert layer(x).shape == (2, 3, 4, 15, 21) == unfold_time(expected, 2).shape


def test_no_batch_keeps_its_graph() -> None:
    x = torch.randn(3, 0, 4, requires_grad=True)
    unfold_time(fold_time(x), 3).sum().backward()
    assert x.grad is not None
