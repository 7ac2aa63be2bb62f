"""Gated dynamics over tokens: equal to the plain operations, with their gradients."""

from collections.abc import Callable

import pytest
import torch
import torch.utils.flop_counter
from torch import Tensor

from spikedense.ops import gated_dynamics
from spikedense.ops.eager import is_eager_cpu
from spikedense.ops.gated_dynamics import gated_tokens
from spikedense.ops.token_dynamics import Dynamics, decay_matrix, one_by_one

HEADS, K = 2, 3
FORMATS = [torch.contiguous_format, torch.channels_last]


def plain(q: Tensor | None, k: Tensor | None, v: Tensor, dynamics: Dynamics, both: bool) -> Tensor:
    """Multiply, run the recurrence, and multiply again."""

    def heads(x: Tensor) -> Tensor:
        return x.flatten(2).unflatten(1, (HEADS, -1, x.size(1) // HEADS if x is not v else width))

    width = next((x.size(1) for x in (q, k) if x is not None), v.size(1)) // HEADS
    u = heads(v) if k is None else heads(k) * heads(v)
    m = one_by_one(u.flatten(2, 3), dynamics, both).unflatten(2, u.shape[2:4])
    return (m if q is None else heads(q) * m).reshape(v.shape)


def drawn(groups: int) -> list[Tensor]:
    leak = torch.rand(groups, K, dtype=torch.float64).mul(0.9).add(0.05)
    shapes = (K - 1, K, K)
    parameters = [leak, *(torch.randn(groups, n, dtype=torch.float64) for n in shapes)]
    return [x.requires_grad_() for x in parameters]


@pytest.mark.parametrize('both', [False, True])
@pytest.mark.parametrize('groups', [1, HEADS])
@pytest.mark.parametrize('shape', [(2, 11, 13), (1, 1, 1), (3, 8, 16), (1, 16, 17)])
@pytest.mark.parametrize('given', ['qk', 'q', 'k', ''])
@pytest.mark.parametrize('memory_format', FORMATS)
def test_equals_the_plain_operations(
    both: bool,
    groups: int,
    shape: tuple[int, int, int],
    given: str,
    memory_format: torch.memory_format,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gated_dynamics, '_BLOCK', 2 * 16 * 12 * shape[0])  # blocks of two chunks
    B, H, W = shape

    def spikes(channels: int) -> Tensor:
        x = torch.randint(0, 5, (B, channels, H, W)).double() / 4
        return x.contiguous(memory_format=memory_format).requires_grad_()

    q, k, v = spikes(4) if 'q' in given else None, spikes(4) if 'k' in given else None, spikes(12)
    parameters = drawn(groups)
    inputs = [x for x in (q, k, v, *parameters) if x is not None]
    grad = torch.randn(B, 12, H, W, dtype=torch.float64)

    def results(run: Callable[[Dynamics], Tensor]) -> tuple[Tensor, ...]:
        leak, coupling, gain, readout = parameters
        out = run(Dynamics(decay_matrix(leak, coupling), gain, readout))
        return out, *torch.autograd.grad(
            out, inputs, grad, allow_unused=True, materialize_grads=True
        )

    found = results(lambda dynamics: gated_tokens(q, k, v, dynamics, HEADS, both, 16))
    expected = results(lambda dynamics: plain(q, k, v, dynamics, both))
    torch.testing.assert_close(found[0], expected[0], rtol=1e-12, atol=1e-12)
    for mine, autograds in zip(found[1:], expected[1:], strict=True):
        torch.testing.assert_close(mine, autograds, rtol=1e-9, atol=1e-9)
    assert found[0].is_contiguous(memory_format=torch.channels_last)


def test_what_sees_operations_gets_the_plain_ones() -> None:
    x = torch.zeros(1)
    assert is_eager_cpu(x)
    assert not is_eager_cpu(x.bfloat16())
    with torch.autocast('cpu'):
        assert not is_eager_cpu(x)
    with torch.utils.flop_counter.FlopCounterMode(display=False):
        assert not is_eager_cpu(x)
