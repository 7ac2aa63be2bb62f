"""NI-LIF that normalises its membrane by sigmoid and L2 norm."""

import math

import pytest
import torch
from torch import Tensor

from spikedense.neurons import SigmoidL2NILIF


def currents(T: int = 1) -> Tensor:
    return 3 * torch.randn(T, 2, 4, 5, 3, dtype=torch.float64) - 1


def squashed(sample: Tensor, D: int) -> Tensor:
    """The definition, for one sample at one step."""
    length = sum(u * u for u in sample.flatten().tolist()) ** 0.5
    return D / (1 + (-math.sqrt(sample.numel()) * sample / length).exp())


@pytest.mark.parametrize('stateful', [True, False])
@pytest.mark.parametrize('T', [1, 3])
def test_equals_the_definition(T: int, stateful: bool) -> None:
    x, D, beta = currents(T), 4, 0.5
    out = SigmoidL2NILIF(D=D, beta=beta, stateful=stateful)(x)
    for b in range(x.size(1)):
        carried = torch.zeros_like(x[0, b])
        for t in range(T):
            potential = x[t, b] + carried
            counts = squashed(potential, D).round()
            torch.testing.assert_close(out[t, b] * D, counts)
            carried = beta * (potential - counts) * stateful


@pytest.mark.parametrize('factor', [1e-9, 1e9])
def test_the_size_of_the_membrane_does_not_count(factor: float) -> None:
    x, neuron = currents(), SigmoidL2NILIF()
    assert torch.equal(neuron(factor * x), neuron(x))


def test_gradient_is_exact_but_for_the_rounding() -> None:
    x, neuron = currents().requires_grad_(), SigmoidL2NILIF(D=4, norm=3)
    weight = torch.randn_like(x)
    (found,) = torch.autograd.grad((neuron(x) * weight).sum(), x)
    smooth = torch.stack([squashed_with_graph(sample, 4) for sample in x[0]])
    (expected,) = torch.autograd.grad((smooth / 3 * weight[0]).sum(), x)
    torch.testing.assert_close(found, expected)


def squashed_with_graph(sample: Tensor, D: int) -> Tensor:
    """The definition, by operations that autograd knows."""
    return D * torch.sigmoid(sample / sample.square().mean().sqrt())


@pytest.mark.parametrize('shape', [(1, 2, 3, 4), (2, 2, 3), (1, 3), (1, 0, 3, 4)])
@pytest.mark.parametrize('stateful', [True, False])
def test_zeros_give_no_nan(shape: tuple[int, ...], stateful: bool) -> None:
    x = torch.zeros(shape, requires_grad=True)
    out = SigmoidL2NILIF(D=4, stateful=stateful)(x)
    assert out.shape == shape and (out[0] == 0.5).all()
    out.sum().backward()
    assert torch.isfinite(x.grad).all()


def test_one_dead_sample_leaves_the_others_alone() -> None:
    x, neuron = currents(), SigmoidL2NILIF()
    dead = x.clone()
    dead[:, 0] = 0
    assert torch.equal(neuron(dead)[:, 1], neuron(x)[:, 1])
