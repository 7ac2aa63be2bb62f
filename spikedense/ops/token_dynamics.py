r"""Linear dynamics over a sequence of tokens: one equation, computed in several ways.

.. math::
    x_n = A x_{n-1} + \Gamma u_n, \quad m_n = C x_n, \quad x_{-1} = 0

The state :math:`x_n` has k entries (compartments) for each channel. Channels that share the
parameters form a group; A is ``[S, k, k]``, gain :math:`\Gamma` and read-out C are ``[S, k]`` for S
groups. Tokens are ``[B, S, d, N]``, with d channels in each group.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


class Dynamics(NamedTuple):
    """The parameters of the dynamics.

    Args:
        decay: A, ``[S, k, k]``, of a spectral radius below 1.
        gain: Gamma, ``[S, k]``.
        readout: C, ``[S, k]``.
    """

    decay: Tensor
    gain: Tensor
    readout: Tensor


def decay_matrix(leak: Tensor, coupling: Tensor) -> Tensor:
    r"""Build the symmetric tri-diagonal matrix A.

    .. math::
        A_{ii} = 1 - l_i, \quad
        A_{i,i+1} = A_{i+1,i} = \tfrac12 \min(l_i, l_{i+1}) \tanh(b_i)

    The first and the last row sum up to less than 1, and the others to at most 1. The spectral
    radius is below 1 for all leaks in (0, 1) and all couplings (Gershgorin).

    Args:
        leak: :math:`l_i = 1 / \tau_i`, in (0, 1), ``[S, k]``.
        coupling: :math:`b_i`, ``[S, k - 1]``.

    Returns:
        A, ``[S, k, k]``.
    """
    identity = torch.eye(leak.size(1), dtype=leak.dtype, device=leak.device)
    matrix = (1 - leak).unsqueeze(2) * identity
    if leak.size(1) == 1:
        return matrix
    weaker = torch.minimum(leak[:, :-1], leak[:, 1:])
    between = 0.5 * weaker * torch.tanh(coupling)
    upper = F.pad(between.unsqueeze(2) * identity[1:], (0, 0, 0, 1))
    return matrix + upper + upper.transpose(1, 2)


def impulse_states(dynamics: Dynamics, length: int) -> Tensor:
    r"""Return :math:`A^m \Gamma` for ``m < length``, ``[S, k, length]``, by doubling."""
    states, power = dynamics.gain.unsqueeze(2), dynamics.decay
    while states.size(2) < length:
        more = power @ states[..., : length - states.size(2)]
        states = torch.cat((states, more), 2)
        power = power @ power
    return states


def impulse_response(dynamics: Dynamics, length: int) -> Tensor:
    r"""Return the kernel :math:`K[m] = C A^m \Gamma` for ``m < length``, ``[S, length]``."""
    return (dynamics.readout.unsqueeze(1) @ impulse_states(dynamics, length)).squeeze(1)


def scan_tokens(
    u: Tensor, dynamics: Dynamics, state: Tensor | None = None, reset: float | None = None
) -> tuple[Tensor, Tensor]:
    """Run the recurrence token by token: the reference, and the form for tokens that stream in.

    Args:
        u: Tokens, ``[B, S, d, N]``.
        dynamics: The parameters.
        state: State after the previous token, ``[B, S, d, k]``; None means zero.
        reset: Read-out from which on the state of a channel is zero after the token; None means no
            reset.

    Returns:
        The read-outs ``[B, S, d, N]`` and the state after the last token.
    """
    if state is None:
        state = u.new_zeros(*u.shape[:3], dynamics.gain.size(1))
    out = []
    for token in u.unbind(3):
        # A product of matrices, so that each spike counts as an addition to each entry.
        gained = token.unsqueeze(3) @ dynamics.gain.unsqueeze(1)
        state = state @ dynamics.decay + gained
        out.append((state * dynamics.readout.unsqueeze(1)).sum(3))
        if reset is not None:
            state = state * (out[-1] < reset).unsqueeze(3)
    return torch.stack(out, 3), state


def one_by_one(
    u: Tensor, dynamics: Dynamics, both: bool = False, reset: float | None = None
) -> Tensor:
    """Run the recurrence of :func:`scan_tokens` in one direction or in both.

    Args:
        u: Tokens, ``[B, S, d, N]``.
        dynamics: The parameters.
        both: Whether a token also sees the later tokens; the token itself counts once.
        reset: See :func:`scan_tokens`.

    Returns:
        The read-outs ``[B, S, d, N]``.
    """

    def earlier(u: Tensor) -> Tensor:
        return scan_tokens(u, dynamics, reset=reset)[0]

    return _in_both(earlier, u, dynamics) if both else earlier(u)


def _in_both(earlier: Callable[[Tensor], Tensor], u: Tensor, dynamics: Dynamics) -> Tensor:
    """Add the read-outs of both directions; the token itself counts once."""
    return earlier(u) + earlier(u.flip(3)).flip(3) - u * self_weight(dynamics)


def self_weight(dynamics: Dynamics) -> Tensor:
    r"""Return :math:`K[0] = C \Gamma`, the weight of the token itself, ``[S, 1, 1]``."""
    return (dynamics.gain * dynamics.readout).sum(1)[:, None, None]


def fft_tokens(u: Tensor, dynamics: Dynamics, both: bool = False) -> Tensor:
    """Convolve the tokens with the impulse response by a Fourier transform.

    The tokens are padded with as many zeros, because without them, the end of the sequence would
    reach its beginning.

    Args:
        u: Tokens, ``[B, S, d, N]``; float32 or float64.
        dynamics: The parameters.
        both: Whether a token also sees the later tokens, by the same kernel.

    Returns:
        The read-outs ``[B, S, d, N]``.
    """
    N = u.size(3)
    length = 1 << (2 * N - 1).bit_length()
    kernel = impulse_response(dynamics, N)
    if both:
        later = kernel[:, 1:].flip(1)  # the farthest first; the token itself counts once
        kernel = torch.cat((F.pad(kernel, (0, length - 2 * N + 1)), later), 1)
    spectrum = torch.fft.rfft(kernel, length).unsqueeze(1)
    return torch.fft.irfft(torch.fft.rfft(u, length) * spectrum, length)[..., :N]


def chunk_tokens(u: Tensor, dynamics: Dynamics, chunk: int = 64, both: bool = False) -> Tensor:
    """Multiply chunks of tokens by a Toeplitz matrix, and carry the state from chunk to chunk.

    Args:
        u: Tokens, ``[B, S, d, N]``; float32 or float64.
        dynamics: The parameters.
        chunk: Tokens in a chunk.
        both: Whether a token also sees the later tokens, by the same kernel.

    Returns:
        The read-outs ``[B, S, d, N]``.
    """
    # In an exported graph, sizes would be tensors, and their division rounds towards zero.
    B, d, N = int(u.size(0)), int(u.size(2)), int(u.size(3))
    chunk = min(chunk, N)
    number = (N + chunk - 1) // chunk
    if number * chunk > N:
        u = F.pad(u, (0, number * chunk - N))
    matrices = [x.repeat(B, 1, 1) for x in chunk_matrices(dynamics, chunk, both)]
    chunks = u.flatten(0, 1).unflatten(2, (number, chunk)).flatten(1, 2)  # [B * S, d * J, chunk]
    if torch.is_grad_enabled() and (u.requires_grad or dynamics.gain.requires_grad):
        m = _Chunks.apply(number, chunks, *matrices)
    else:
        m = _run_chunks(number, chunks, *matrices)[0]
    m = m.unflatten(1, (d, number)).flatten(2).unflatten(0, (B, -1))
    return m[..., :N] if number * chunk > N else m


def _run_chunks(
    number: int, chunks: Tensor, inside: Tensor, into: Tensor, out_of: Tensor, over: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Return the read-outs ``[B * S, d * J, chunk]``, and the states at the begin of the chunks."""
    m = chunks @ inside
    if number == 1:
        return m, None
    states = carried(chunks @ into, number, over)
    return torch.baddbmm(m, states, out_of), states


class _Chunks(torch.autograd.Function):
    """:func:`_run_chunks` with gradients that need few passes over the tokens."""

    @staticmethod
    def forward(
        ctx: Any,
        number: int,
        chunks: Tensor,
        inside: Tensor,
        into: Tensor,
        out_of: Tensor,
        over: Tensor,
    ) -> Tensor:
        m = torch.empty_like(chunks)
        ends = chunks.new_empty(*chunks.shape[:2], into.size(2))
        for s, tokens in enumerate(chunks):  # a group stays in the cache of a CPU
            torch.mm(tokens, inside[s], out=m[s])
            torch.mm(tokens, into[s], out=ends[s])
        states = None
        if number > 1:
            states = carried(ends, number, over)
            for s in range(len(m)):
                m[s].addmm_(states[s], out_of[s])
        ctx.number = number
        ctx.save_for_backward(chunks, inside, into, out_of, over, states)
        return m

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        chunks, inside, into, out_of, over, states = ctx.saved_tensors
        by_token, by_chunk = chunks.transpose(1, 2), inside.transpose(1, 2)
        of_inside = by_token @ grad
        of_chunks = grad @ by_chunk
        if states is None:
            return None, of_chunks, of_inside, None, None, None
        by_state = states.transpose(1, 2)
        of_ends = carried(grad @ out_of.transpose(1, 2), ctx.number, over, backwards=True)
        of_over = by_state @ of_ends
        k = over.size(1)
        blocks = (of_over[:, i : i + k, i : i + k] for i in range(0, of_over.size(1), k))
        return (
            None,
            of_chunks.baddbmm_(of_ends, into.transpose(1, 2)),
            of_inside,
            by_token @ of_ends,
            by_state @ grad,
            sum(blocks),
        )


def chunk_matrices(
    dynamics: Dynamics, chunk: int, both: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the matrices of a chunk; they are multiplied from the right.

    Returns:
        Toeplitz matrix inside of a chunk ``[S, chunk, chunk]``; tokens to the state at the end of
        their chunk ``[S, chunk, k]``; this state to the read-outs in the next chunk ``[S, k,
        chunk]``; decay over a chunk ``[S, k, k]``. For both directions, the states are ``2k``: of
        the earlier and of the later tokens.
    """
    # A is symmetric: the read-outs after m tokens are C A^m, the states of a "gain" C.
    gains = torch.cat((dynamics.gain, dynamics.readout))
    doubled = dynamics._replace(decay=dynamics.decay.repeat(2, 1, 1), gain=gains)
    states, after = impulse_states(doubled, chunk).split(len(dynamics.gain))  # [S, k, chunk]
    kernel = (dynamics.readout.unsqueeze(1) @ states).squeeze(1)
    gap = torch.arange(chunk, device=kernel.device)
    gap = gap - gap.unsqueeze(1)  # [from, to]
    inside = kernel[:, gap.abs()]
    if not both:
        inside = inside * (gap >= 0)
    out_of = dynamics.decay @ after
    into = states.flip(2).transpose(1, 2)
    if both:
        into = torch.cat((into, states.transpose(1, 2)), 2)
        out_of = torch.cat((out_of, out_of.flip(2)), 1)
    return inside, into, out_of, _power(dynamics.decay, chunk)


def _power(matrix: Tensor, exponent: int) -> Tensor:
    """Multiply a matrix by itself, in operations that ONNX has; the exponent is at least 1."""
    power = None
    while True:
        if exponent & 1:
            power = matrix if power is None else power @ matrix
        exponent >>= 1
        if not exponent and power is not None:
            return power
        matrix = matrix @ matrix


def carried(ends: Tensor, number: int, over: Tensor, backwards: bool = False) -> Tensor:
    """Carry states over chunks.

    Args:
        ends: What each chunk adds to the state at its end, ``[S, d * number, k or 2k]``; of 2k
            entries, the second half belongs to the opposite direction.
        number: Number of chunks.
        over: Decay over a chunk, ``[S, k, k]``.
        backwards: Whether the chunks are in the opposite order (in a backward pass).

    Returns:
        The states at the begin of each chunk, in the shape of ``ends``.
    """
    k = over.size(1)
    parts = list(ends.unflatten(1, (-1, number)).split(k, 3))
    for i, part in enumerate(parts):
        turned = (i == 1) != backwards
        states = prefix_states((part.flip(2) if turned else part)[:, :, :-1], over)
        states = F.pad(states, (0, 0, 1, 0))  # zero before the first chunk
        parts[i] = states.flip(2) if turned else states
    return (parts[0] if len(parts) == 1 else torch.cat(parts, 3)).flatten(1, 2)


def prefix_states(ends: Tensor, over: Tensor) -> Tensor:
    """Add up decayed states over all earlier places, by doubling.

    Args:
        ends: ``[S, d, J, k]``.
        over: Decay from one place to the next, ``[S, k, k]``, symmetric.

    Returns:
        The sums, each with the place itself, ``[S, d, J, k]``.
    """
    J, step = ends.size(2), 1
    while step < J:
        moved = ends[:, :, :-step].flatten(1, 2) @ over
        ends = ends + F.pad(moved.unflatten(1, (-1, J - step)), (0, 0, step, 0))
        over, step = over @ over, 2 * step
    return ends


def parallel_tokens(u: Tensor, dynamics: Dynamics, both: bool = False) -> Tensor:
    """Compute each state as the recurrence does, but all at once.

    This form has the operations of the streaming form: each token adds its gain to k states.

    Args:
        u: Tokens, ``[B, S, d, N]``.
        dynamics: The parameters.
        both: Whether a token also sees the later tokens; the token itself counts once.

    Returns:
        The read-outs ``[B, S, d, N]``.
    """

    def earlier(u: Tensor) -> Tensor:
        decay, gain, readout = (x.repeat(len(u), *(1,) * (x.dim() - 1)) for x in dynamics)
        tokens = u.flatten(0, 1)  # [B * S, d, N]
        gained = tokens.flatten(1).unsqueeze(2) @ gain.unsqueeze(1)
        states = prefix_states(gained.unflatten(1, tokens.shape[1:]), decay)
        return (states.flatten(1, 2) @ readout.unsqueeze(2)).reshape(u.shape)

    return _in_both(earlier, u, dynamics) if both else earlier(u)
