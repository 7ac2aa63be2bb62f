"""Linear dynamics over tokens: several ways, one function."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from spikedense.ops.token_dynamics import (
    Dynamics,
    chunk_tokens,
    decay_matrix,
    fft_tokens,
    impulse_response,
    one_by_one,
    parallel_tokens,
    prefix_states,
    scan_tokens,
)

WAYS: dict[str, Callable[..., Tensor]] = {
    'chunk': chunk_tokens,
    'chunks of 5': lambda u, dynamics, both: chunk_tokens(u, dynamics, 5, both),
    'chunks of 1': lambda u, dynamics, both: chunk_tokens(u, dynamics, 1, both),
    'fft': fft_tokens,
    'parallel': parallel_tokens,
}


def drawn(groups: int = 2, k: int = 8, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Leaks for time constants of 2 to 196, couplings, gains and read-outs."""
    leak = 1 / torch.logspace(0.31, 2.29, k, dtype=dtype).repeat(groups, 1)
    return [leak, *(torch.randn(groups, n, dtype=dtype) for n in (k - 1, k, k))]


def dynamics_of(leak: Tensor, coupling: Tensor, gain: Tensor, readout: Tensor) -> Dynamics:
    return Dynamics(decay_matrix(leak, coupling), gain, readout)


def tokens(N: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Products of integers up to 4 over 4, ``[2, 2, 3, N]``."""
    return torch.randint(0, 17, (2, 2, 3, N)).to(dtype) / 16


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('both', [False, True])
@pytest.mark.parametrize('N', [1, 2, 5, 63, 64, 65, 200])
@pytest.mark.parametrize('k', [1, 8])
def test_all_ways_are_the_recurrence(way: str, both: bool, N: int, k: int) -> None:
    dynamics, u = dynamics_of(*drawn(k=k)), tokens(N)
    expected = one_by_one(u, dynamics, both)
    found = WAYS[way](u, dynamics, both=both)
    assert (found - expected).abs().max() < 1e-12 * max(1, expected.abs().max())


@pytest.mark.parametrize('way', WAYS)
def test_float32_is_near_the_recurrence(way: str) -> None:
    dynamics, u = dynamics_of(*drawn(dtype=torch.float32)), tokens(300, torch.float32)
    expected = one_by_one(u, dynamics)
    found = WAYS[way](u, dynamics, both=False)
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('both', [False, True])
@pytest.mark.parametrize('N', [1, 13, 150])
def test_gradients_are_those_of_the_recurrence(way: str, both: bool, N: int) -> None:
    inputs = [x.requires_grad_() for x in (tokens(N), *drawn())]
    grad = torch.randn(2, 2, 3, N, dtype=torch.float64)

    def gradients(run: Callable[..., Tensor]) -> tuple[Tensor, ...]:
        u, *parameters = inputs
        out = run(u, dynamics_of(*parameters), both=both)
        return torch.autograd.grad(out, inputs, grad, allow_unused=True, materialize_grads=True)

    for found, expected in zip(gradients(WAYS[way]), gradients(one_by_one), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


def test_both_directions_count_the_token_once() -> None:
    dynamics, u = dynamics_of(*drawn()), tokens(9)
    kernel = impulse_response(dynamics, 9)
    gap = torch.arange(9)[:, None] - torch.arange(9)
    causal = kernel[:, gap.abs()] * (gap >= 0)  # [S, n, j]: the token itself with K[0]
    torch.testing.assert_close(one_by_one(u, dynamics), u @ causal.mT)
    torch.testing.assert_close(one_by_one(u, dynamics, both=True), u @ kernel[:, gap.abs()].mT)


@pytest.mark.parametrize('way', WAYS)
def test_limits(way: str) -> None:
    u, one = tokens(20), torch.ones(2, 1, dtype=torch.float64)
    cumulative = WAYS[way](u, Dynamics(one[..., None], one, one), both=False)
    torch.testing.assert_close(cumulative, u.cumsum(3))
    _, _, gain, readout = drawn()
    forgetful = Dynamics(torch.zeros(2, 8, 8, dtype=torch.float64), gain, readout)
    weight = (gain * readout).sum(1)[:, None, None]
    torch.testing.assert_close(WAYS[way](u, forgetful, both=False), u * weight)


def test_pieces_with_a_carried_state_are_the_whole() -> None:
    dynamics, u = dynamics_of(*drawn()), tokens(30)
    first, state = scan_tokens(u[..., :11], dynamics)
    rest, _ = scan_tokens(u[..., 11:], dynamics, state)
    assert state.shape == (2, 2, 3, 8)
    assert torch.equal(torch.cat((first, rest), 3), one_by_one(u, dynamics))


def test_a_reset_empties_the_state_of_a_channel() -> None:
    one = torch.ones(1, 1, dtype=torch.float64)
    u = torch.ones(1, 1, 1, 6, dtype=torch.float64)
    found = one_by_one(u, Dynamics(one[..., None], one, one), reset=2.5)
    assert found.flatten().tolist() == [1, 2, 3, 1, 2, 3]


@pytest.mark.parametrize('size', [1.0, 30.0, 1e4])
def test_the_spectral_radius_is_below_one(size: float) -> None:
    for dtype in (torch.float32, torch.float64):
        leak = torch.rand(50, 8, dtype=dtype).clamp(1e-6, 1 - 1e-6) ** (1 if size < 2 else 3)
        matrix = decay_matrix(leak.clamp(1e-6), size * torch.randn(50, 7, dtype=dtype))
        assert torch.equal(matrix, matrix.mT)
        assert torch.linalg.eigvalsh(matrix.double()).abs().max() < 1


def test_prefix_states_are_decayed_sums() -> None:
    over = dynamics_of(*drawn()).decay
    ends = torch.randn(2, 3, 7, 8, dtype=torch.float64)
    state, expected = torch.zeros(2, 3, 8, dtype=torch.float64), []
    for end in ends.unbind(2):
        state = state @ over + end
        expected.append(state)
    torch.testing.assert_close(prefix_states(ends, over), torch.stack(expected, 2))
