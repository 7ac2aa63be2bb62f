"""LIF and its relatives."""

import sys

import pytest
import torch

from spikedense.errors import UserError
from spikedense.neurons import LIF, NILIF, StrictLIF, build_neuron


@pytest.mark.parametrize(
    ('current', 'spikes'), [(3.0, [1, 1, 1, 1]), (1.5, [0, 1, 0, 1]), (1.0, [0, 0, 0, 0])]
)
def test_worked_sequences(current: float, spikes: list[int]) -> None:
    assert LIF()(torch.full((4, 1), current))[:, 0].tolist() == spikes


def test_one_step_is_a_heaviside() -> None:
    x = torch.cat([torch.linspace(-3, 6, 1001), torch.tensor([2.0])])[None]
    assert torch.equal(LIF()(x), (x / 2 - 1 >= 0).float())


def test_surrogate_gradient_of_one_step() -> None:
    x = torch.linspace(-3, 6, 101, dtype=torch.float64)[None].requires_grad_()
    (grad,) = torch.autograd.grad(LIF()(x).sum(), x)
    s = torch.sigmoid(4 * (x.detach() / 2 - 1))
    torch.testing.assert_close(grad, 4 * s * (1 - s) / 2)


@pytest.mark.parametrize(
    ('current', 'spikes'),
    # 0.40625 + 0.40625 / 4 is above 0.5; 0.375 sums up to the threshold and no further.
    [(0.5, [0, 1, 0, 1]), (0.75, [1, 1, 1, 1]), (0.40625, [0, 1, 0, 1]), (0.375, [0, 0, 0, 0])],
)
def test_worked_sequences_of_a_strict_lif(current: float, spikes: list[int]) -> None:
    assert StrictLIF()(torch.full((4, 1), current))[:, 0].tolist() == spikes


def test_a_strict_lif_is_silent_at_its_threshold_and_has_a_rectangular_gradient() -> None:
    x = torch.linspace(-1, 2, 25)[None].requires_grad_()  # in steps of 1/8, 0, 0.5 and 1 among them
    spikes = StrictLIF()(x)
    (grad,) = torch.autograd.grad(spikes.sum(), x)
    assert torch.equal(spikes, (x > 0.5).float())
    assert torch.equal(grad, ((x - 0.5).abs() < 0.5).float())


def test_plif_learns_its_time_constant() -> None:
    neuron = build_neuron(dict(type='PLIF', init_tau=2.0))
    assert torch.equal(neuron(torch.full((4, 1), 1.5)), LIF()(torch.full((4, 1), 1.5)))
    for T in (1, 3):
        neuron.zero_grad()
        neuron(torch.full((T, 1), 1.5)).sum().backward()
        assert neuron.node.w.grad.abs() > 0


def test_without_spikingjelly(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition('.')[0] == 'spikingjelly']:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'spikingjelly', None)
    with pytest.raises(UserError, match=r'LIF, IF, PLIF, .* need SpikingJelly'):
        LIF()
    assert NILIF(D=4)(torch.full((1, 1), 3.0)).item() > 0
