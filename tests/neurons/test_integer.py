"""I-LIF and NI-LIF."""

import pytest
import torch

from spikedense.neurons import ILIF, NILIF, build_neuron


@pytest.mark.parametrize(
    ('beta', 'counts', 'membrane'),
    [(1.0, [1, 2, 1], -0.1), (0.25, [1, 1, 1], 0.0984375)],
)
def test_worked_sequences(beta: float, counts: list[int], membrane: float) -> None:
    neuron = NILIF(D=4, beta=beta, keep_state=True).double()
    out = neuron(torch.full((3, 1), 1.3, dtype=torch.float64))
    assert (out[:, 0] * 4).tolist() == counts
    assert neuron.membrane.item() == pytest.approx(membrane)


def test_saturation_grows_without_leak() -> None:
    neuron = NILIF(D=4, beta=1.0, keep_state=True)
    out = neuron(torch.full((3, 1), 10.0))
    assert (out[:, 0] * 4).tolist() == [4, 4, 4]
    assert neuron.membrane.item() == 22 - 4


@pytest.mark.parametrize('detach_reset', [True, False])
def test_norm_1_is_ilif(detach_reset: bool) -> None:
    kwargs = dict(D=4, beta=0.5, detach_reset=detach_reset)
    x = (3 * torch.randn(4, 50)).requires_grad_()
    a, b = NILIF(norm=1, **kwargs)(x), ILIF(**kwargs)(x)
    assert torch.equal(a, b)
    w = torch.randn_like(a)
    assert torch.equal(*(torch.autograd.grad((y * w).sum(), x)[0] for y in (a, b)))


@pytest.mark.parametrize('detach_reset', [True, False])
def test_gradient_through_time_equals_the_recurrence(detach_reset: bool) -> None:
    D, beta, T = 4, 0.5, 3
    x = (2 * torch.randn(T, 200, dtype=torch.float64) + 1).requires_grad_()
    out = NILIF(D=D, beta=beta, detach_reset=detach_reset)(x)
    w = torch.randn_like(out)
    (found,) = torch.autograd.grad((out * w).sum(), x)

    potential, windows = torch.zeros(200, dtype=torch.float64), []
    for t in range(T):
        potential = potential + x[t].detach()
        windows.append(((potential >= 0) & (potential <= D)).double())
        potential = beta * (potential - potential.clamp(0, D).round())
    carried, expected = torch.zeros_like(potential), [None] * T
    for t in reversed(range(T)):
        through = beta * (1.0 if detach_reset else 1 - windows[t])
        expected[t] = w[t] / D * windows[t] + carried * through
        carried = expected[t]
    torch.testing.assert_close(found, torch.stack(expected))


def test_scope_is_optional_in_the_config() -> None:
    assert isinstance(build_neuron(dict(type='spikedense.NILIF', D=8)), NILIF)
    assert build_neuron(dict(type='ReLU')).scale is None


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (dict(type='NILIF', D=0), 'D=0, expected an integer of at least 1'),
        (dict(type='NILIF', D=2.5), 'D=2.5'),
        (dict(type='NILIF', norm=0), 'norm=0'),
        (dict(type='NILIF', rounding='up'), "rounding='up', expected one of"),
        (dict(type='NILIF', window='half'), "window='half', expected one of"),
        (dict(type='NILIF', d=4), "NILIF has no 'd', expected"),
        (dict(type='ILIF', norm=4), "ILIF has no 'norm'"),
        (dict(type='NLIF'), "type='NLIF', expected one of"),
        (dict(type='LIF', tau=1.0), 'tau=1.0, expected a number above 1'),
        (dict(type='LIF', surrogate=dict(type='Sigmod')), "surrogate type='Sigmod', expected"),
    ],
)
def test_wrong_configs_are_told(cfg: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace('(', r'\(')):
        build_neuron(cfg)


@pytest.mark.parametrize('cfg', [None, 'NILIF', dict(D=4)])
def test_a_config_without_type_is_told(cfg: object) -> None:
    with pytest.raises(TypeError, match="expected a dict with a 'type'"):
        build_neuron(cfg)
