"""The spiking activations of SpikeAtConv."""

import copy
import itertools
import re
from typing import Any

import pytest
import torch
from torch import Tensor

from spikedense.neurons import (
    HSL,
    LIF,
    MBPL,
    RL,
    SL,
    ReLU,
    binary_gate,
    build_neuron,
    from_rest,
    rescaled_input,
)

THRESHOLDS = [0.2, 1.0, 2.0, 4.0]
#: Settings of the LIFs that the paper's activations are made of.
LIF_CFG: dict[str, Any] = dict(detach_reset=False, surrogate=dict(type='ATan', alpha=2.0))
KINDS = [
    dict(type='SL'),
    dict(type='RL'),
    dict(type='RL', mode='parallel'),
    dict(type='RL', thresholds=[0.5, 0.25], v_reset=-0.5),
    dict(type='MBPL'),
    dict(type='MBPL', thresholds=[2.0, 0.5], v_reset=0.25, tau=4.0),
    dict(type='HSL'),
    dict(type='HSL', thresholds=[0.5, 1.0, 2.0], v_reset=None),
]
kinds = pytest.mark.parametrize('cfg', KINDS, ids=str)


def currents(T: int = 3) -> Tensor:
    return 4 * torch.randn(T, 2, 7, 5, 4, dtype=torch.float64) + 1


def lif(threshold: float) -> LIF:
    return LIF(v_threshold=threshold, **LIF_CFG)


def expected(kind: str, x: Tensor) -> Tensor:
    """The definitions, made of LIFs."""
    if kind == 'SL':
        return lif(1.0)(x)
    if kind == 'MBPL':
        return sum(lif(threshold)(x) for threshold in THRESHOLDS)
    if kind == 'HSL':
        return torch.cat([lif(1.0)(x[:, :, :4]), lif(2.0)(x[:, :, 4:])], 2)
    first = lif(0.8)(x)
    return first + lif(0.3)(first if kind == 'RL' else x)


NEURONS = {
    'SL': SL,
    'RL': lambda: RL([0.8, 0.3]),
    'RL parallel': lambda: RL([0.8, 0.3], mode='parallel'),
    'MBPL': MBPL,
    'HSL': HSL,
}


@pytest.mark.parametrize('T', [1, 3])
@pytest.mark.parametrize('kind', NEURONS)
def test_each_equals_its_lifs(kind: str, T: int) -> None:
    x, y = currents(T).requires_grad_(), None
    weight = torch.randn(x.shape, dtype=x.dtype)
    found, wanted = NEURONS[kind]()(x), expected(kind, x)
    assert torch.equal(found, wanted)
    y, z = (torch.autograd.grad((out * weight).sum(), x)[0] for out in (found, wanted))
    torch.testing.assert_close(y, z)


def test_values() -> None:
    x = currents()
    for neuron, values in ((SL(), 2), (RL(mode='parallel'), 3), (MBPL(), 5), (HSL(), 2)):
        assert neuron(x).unique().tolist() == list(range(values))
    assert set(RL()(x).unique().tolist()) <= {0, 1, 2}
    assert torch.equal(RL()(x), SL()(x)), 'the second LIF of RL never reaches its threshold of 2'


def test_a_lower_threshold_fires_whenever_a_higher_one_does() -> None:
    x = currents(1)
    alone = [MBPL([threshold])(x) for threshold in THRESHOLDS]
    for low, high in itertools.pairwise(alone):
        assert (low >= high).all() and (low > high).any()


@kinds
def test_one_step_in_plain_operations(cfg: dict[str, Any]) -> None:
    neuron, x = build_neuron(cfg), currents(1)
    assert torch.equal(from_rest(neuron)(x), neuron(x))


@kinds
@pytest.mark.parametrize('gain', [0.25, 2.0])
def test_a_factor_of_the_input_moves_into_the_thresholds(cfg: dict[str, Any], gain: float) -> None:
    neuron, x = build_neuron(cfg), currents()
    before = copy.deepcopy(neuron)
    assert torch.equal(rescaled_input(neuron, gain)(x), neuron(gain * x))
    assert torch.equal(neuron(x), before(x))


def test_gates_are_binary() -> None:
    for kind in ('MBPL', 'RL', 'HSL'):
        gate = build_neuron(binary_gate(dict(type=kind, tau=4.0)))
        assert gate.D == 1 and gate.tau == 4.0
    assert build_neuron(binary_gate(dict(type='MBPL'))).thresholds == [0.2]


def test_settings_name_what_the_spikes_depend_on() -> None:
    assert 'thresholds=[0.2, 1.0], tau=2, v_reset=None' in MBPL([0.2, 1.0], v_reset=None).settings()
    assert "RL(mode='parallel'" in RL(mode='parallel').settings()
    assert isinstance(build_neuron(dict(type='ReLU')), ReLU)


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (dict(type='MBPL', thresholds=[]), 'thresholds=[], expected a list of one or more numbers'),
        (dict(type='HSL', thresholds=1.0), 'thresholds=1.0, expected a list of one or more'),
        (dict(type='RL', thresholds=[1, 2, 3]), 'thresholds=[1, 2, 3], expected a list of 2'),
        (dict(type='MBPL', thresholds=[0, 1]), 'expected a list of one or more numbers above 0'),
        (dict(type='RL', mode='both'), "mode='both', expected one of ('chain', 'parallel')"),
        (dict(type='MBPL', tau=1), 'tau=1, expected a number above 1'),
        (dict(type='MBPL', D=4), "MBPL has no 'D'"),
    ],
)
def test_wrong_settings_are_told(cfg: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        build_neuron(cfg)


def test_channels_are_needed() -> None:
    with pytest.raises(ValueError, match=r'shape \(1, 3\), expected \[T, B, C, \.\.\.\]'):
        HSL()(torch.zeros(1, 3))
