"""Firing rates: known ones are measured, and watching leaves no trace."""

import pytest
import torch
from torch import nn

from spikedense.analysis.firing import FiringMeter, FiringStatistics
from spikedense.neurons import ILIF, LIF, NILIF


def net(neuron: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Identity(), nn.Sequential(neuron))


@pytest.mark.parametrize('neuron', [NILIF(D=4), ILIF(D=4), NILIF(D=4, norm=1.0)])
def test_integers_are_counted_over_passes(neuron: nn.Module) -> None:
    model = net(neuron)
    with FiringMeter(model) as meter:
        model(torch.tensor([[0.0, 1, 9, -3]]))  # 0, 1, 4, 0
        model(torch.tensor([[3.0, 3]]))  # 3, 3
    assert meter.statistics() == {
        '1.0': FiringStatistics(D=4, rate=pytest.approx(11 / 24), active=4 / 6, saturated=1 / 6)
    }


def test_binary_neuron() -> None:
    model = net(LIF())
    with FiringMeter(model) as meter:
        out = model(torch.randn(4, 100) * 5)
    found = meter.statistics()['1.0']
    share = out.mean().item()
    assert 0 < share < 1
    assert (found.rate, found.active, found.saturated) == pytest.approx((share,) * 3)


def test_only_the_block_is_watched() -> None:
    model = net(NILIF())
    x = torch.full((1, 8), 2.0)
    model(x)
    with FiringMeter(model) as meter:
        model(x)
    before = meter.statistics()
    model(x * 0)
    assert meter.statistics() == before
    assert not model[1][0]._forward_hooks


def test_neurons_that_were_not_called_are_left_out() -> None:
    model = nn.ModuleList([NILIF(), NILIF()])
    with FiringMeter(model) as meter:
        model[1](torch.ones(1, 3))
    assert list(meter.statistics()) == ['1']


def test_a_net_without_neurons_is_refused() -> None:
    with pytest.raises(ValueError, match='Sequential has no spiking neuron'):
        FiringMeter(net(nn.ReLU()))
