r"""Linear dynamics over gated tokens of a map, with few passes over the memory of a CPU.

.. math::
    u_n = k_n \odot v_n, \quad x_n = A x_{n-1} + \Gamma u_n, \quad a_n = q_n \odot C x_n

The sequence is cut into chunks, as in :func:`spikedense.ops.token_dynamics.chunk_tokens`. Here, the
rows of a matrix are the places inside of a chunk, and its columns are all chunks, images and
channels of a head. With the K entries of the states as more rows, a head needs one product of
matrices for the read-outs, one for the gradient of the tokens, and one for the gradients of all
parameters. The matrices of a head stay in the cache, and only the result has the size of the map.
"""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from .token_dynamics import Dynamics, chunk_matrices

#: Elements of a block of a map.
_BLOCK = 2**20


def gated_tokens(
    q: Tensor | None,
    k: Tensor | None,
    v: Tensor,
    dynamics: Dynamics,
    heads: int,
    both: bool = False,
    chunk: int = 64,
) -> Tensor:
    """Run the dynamics over the products of keys and values, and multiply by the queries.

    Maps in the memory format channels_last are not copied.

    Args:
        q: Queries ``[B, C, H, W]``, or None for read-outs without a gate.
        k: Keys ``[B, C, H, W]``, or None for values as tokens.
        v: Values ``[B, C_v, H, W]``; float32 or float64. A head has ``C_v / C`` times as many
            channels of values; its keys and queries are repeated.
        dynamics: The parameters of the heads, or of one group for all heads.
        heads: Number of heads.
        both: Whether a token also sees the later tokens, by the same kernel.
        chunk: Tokens in a chunk.

    Returns:
        ``[B, C_v, H, W]`` in the memory format channels_last.
    """
    _, C, H, W = v.shape
    chunk = min(chunk, H * W)
    inside, into, out_of, over = chunk_matrices(dynamics, chunk, both)
    entries = over.size(1)
    if both:
        over = torch.cat((F.pad(over, (0, entries)), F.pad(over, (entries, 0))), 1)
    system = torch.cat((torch.cat((inside, into), 2), torch.cat((out_of, over), 2)), 1)
    width = next((x.size(1) // heads for x in (q, k) if x is not None), C // heads)
    maps = [None if x is None else _cut(x, chunk, heads, width) for x in (q, k, v)]
    out = _Gated.apply(entries, system.expand(heads, -1, -1), *maps)
    tokens = out.flatten(3).flatten(1, 2)[:, : H * W]
    return tokens.contiguous().unflatten(1, (H, W)).permute(0, 3, 1, 2)


def _cut(x: Tensor, chunk: int, heads: int, width: int) -> Tensor:
    """Cut a map ``[B, C, H, W]`` into J chunks: ``[B, J, chunk, heads, C / heads / d, d]``."""
    tokens = x.permute(0, 2, 3, 1).flatten(1, 2).contiguous()
    rest = -tokens.size(1) % chunk
    if rest:
        tokens = F.pad(tokens, (0, 0, 0, rest))
    return tokens.unflatten(1, (-1, chunk)).unflatten(3, (heads, -1, width))


class _Gated(torch.autograd.Function):
    """The products of all heads, see :func:`gated_tokens`.

    For each head, ``system`` is the matrix from the tokens and the states of a chunk (its rows) to
    the read-outs of the chunk and the states behind it (its columns), ``[heads, chunk + K, chunk +
    K]``. ``entries`` are the entries of the states of one direction.
    """

    @staticmethod
    def forward(
        ctx: Any, entries: int, system: Tensor, q: Tensor | None, k: Tensor | None, v: Tensor
    ) -> Tensor:
        chunk = v.size(2)
        carry = _Carry(system[:, :chunk, chunk:], _over(system, chunk, entries))
        states = carry.opposite(v, k)
        read = system[:, :, :chunk].transpose(1, 2)
        out = torch.empty_like(v)
        memory = _Rows.memory(v, system.size(1)), _Rows.memory(v, chunk)
        for block in _blocks(v):
            rows, m = (_Rows(x, v, block) for x in memory)
            rows.fill(v, k)
            carry.over_block(rows, states)
            torch.bmm(read, rows.matrix, out=m.matrix)
            _multiply(m.tokens, q, block, out[:, block])
        ctx.entries = entries
        ctx.save_for_backward(system, q, k, v, states)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        system, q, k, v, states = ctx.saved_tensors
        grad = grad.contiguous()
        chunk = v.size(2)
        read, write = system[:, :, :chunk].transpose(1, 2), system[:, :chunk]
        # What a state gets from the read-outs is carried from the last chunk to the first.
        of_ends = system[:, chunk:, :chunk].transpose(1, 2)
        carry = _Carry(of_ends, _over(system, chunk, ctx.entries), backwards=True)
        of_states = carry.opposite(grad, q)
        of_system = torch.zeros_like(system, memory_format=torch.contiguous_format)
        of_q, of_k = (None if x is None else torch.empty_like(x) for x in (q, k))
        of_v = torch.empty_like(v)
        memory = *(_Rows.memory(v, system.size(1)) for _ in range(2)), _Rows.memory(v, chunk)
        for block in _blocks(v, backwards=True):
            rows, of_rows, m = (_Rows(x, v, block) for x in memory)
            rows.fill(v, k)
            rows.put(states)
            of_rows.fill(grad, q)
            carry.over_block(of_rows, of_states)
            if of_q is not None:
                torch.bmm(read, rows.matrix, out=m.matrix)
                _add_repeated(m.tokens, grad[:, block], of_q[:, block])
            of_system.baddbmm_(rows.matrix, of_rows.matrix.transpose(1, 2))
            torch.bmm(write, of_rows.matrix, out=m.matrix)
            _multiply(m.tokens, k, block, of_v[:, block])
            if of_k is not None:
                _add_repeated(m.tokens, v[:, block], of_k[:, block])
        return None, of_system, of_q, of_k, of_v


class _Rows:
    """The matrices of all heads for a block of chunks: places in a chunk, and state entries.

    Args:
        memory: What :meth:`memory` has returned.
        v: Values ``[B, J, chunk, heads, r, d]``.
        block: The J' chunks.
    """

    def __init__(self, memory: Tensor, v: Tensor, block: slice) -> None:
        B, _, chunk, heads, r, d = v.shape
        number = block.stop - block.start
        parts = memory[: memory.numel() // _chunks(v) * number].view(heads, -1, number, B, r, d)
        self.block = block
        #: ``[heads, rows, J' * B * r * d]``.
        self.matrix = parts.flatten(2)
        #: The rows of places in the order of a map, ``[B, J', chunk, heads, r, d]``.
        self.tokens = parts[:, :chunk].permute(3, 2, 1, 0, 4, 5)
        #: The rows of states, ``[heads, K, J', B * r * d]``.
        self.states = parts[:, chunk:].flatten(3)

    @staticmethod
    def memory(v: Tensor, rows: int) -> Tensor:
        """Return memory for so many rows of each head."""
        return v.new_empty(v[:, 0, 0].numel() * _chunks(v) * rows)

    def fill(self, x: Tensor, factor: Tensor | None) -> None:
        """Write the products of all tokens, ``[B, J, chunk, heads, r, d]``."""
        _multiply(x[:, self.block], factor, self.block, self.tokens)

    def put(self, states: Tensor) -> None:
        """Write the states of all chunks, ``[directions, J, heads, entries, B * r * d]``."""
        rows = self.states.unflatten(1, (len(states), -1))
        rows.copy_(states[:, self.block].permute(2, 0, 3, 1, 4))


class _Carry:
    """Carries states from chunk to chunk, in one direction or two.

    Args:
        into: From the tokens of a chunk to what they add to the states, ``[heads, chunk, K]``; of
            two directions, the entries of the opposite one are the second half.
        over: Decay over a chunk, ``[heads, entries, entries]``, symmetric.
        backwards: Whether the first direction is from the last chunk to the first.
    """

    def __init__(self, into: Tensor, over: Tensor, backwards: bool = False) -> None:
        self.into = into.transpose(1, 2)
        self.over = over
        self.backwards = backwards

    def opposite(self, x: Tensor, factor: Tensor | None) -> Tensor:
        """Return memory for the states at the begin of each chunk.

        The states of the opposite direction are right already. Those of the first direction are
        computed block by block by :meth:`over_block`.

        Args:
            x: ``[B, J, chunk, heads, r, d]``.
            factor: The tokens are x times this factor, if there is any.

        Returns:
            ``[directions, J, heads, entries, B * r * d]``.
        """
        heads, entries, _ = self.over.shape
        directions = self.into.size(1) // entries
        width = x[:, 0, 0, 0].numel()
        states = x.new_empty(directions, x.size(1), heads, entries, width)
        states[0, -1 if self.backwards else 0] = 0
        if directions == 2:
            states[1, 0 if self.backwards else -1] = 0
            memory = _Rows.memory(x, x.size(2))
            for block in _blocks(x, not self.backwards):
                rows = _Rows(memory, x, block)
                rows.fill(x, factor)
                ends = self.into[:, entries:] @ rows.matrix
                self._along(ends, states[1], block, not self.backwards)
        return states

    def over_block(self, rows: '_Rows', states: Tensor) -> None:
        """Carry the first direction over a block; write the states into memory and rows."""
        chunk = self.into.size(2)
        ends = self.into[:, : self.over.size(1)] @ rows.matrix[:, :chunk]
        self._along(ends, states[0], rows.block, self.backwards)
        rows.put(states)

    def _along(self, ends: Tensor, states: Tensor, block: slice, backwards: bool) -> None:
        parts = ends.unflatten(2, (-1, states.size(3))).unbind(2)
        places = range(block.start, block.stop)
        step = -1 if backwards else 1
        for j in places[::step]:
            if 0 <= j + step < len(states):
                end = parts[j - block.start]
                torch.baddbmm(end, self.over, states[j], out=states[j + step])


def _chunks(v: Tensor) -> int:
    """Return the number of chunks in a block that stays in the cache of a CPU."""
    return min(v.size(1), max(1, _BLOCK // v[:, 0].numel()))


def _blocks(v: Tensor, backwards: bool = False) -> Iterator[slice]:
    starts = range(0, v.size(1), _chunks(v))
    for first in reversed(starts) if backwards else starts:
        yield slice(first, min(first + _chunks(v), v.size(1)))


def _over(system: Tensor, chunk: int, entries: int) -> Tensor:
    return system[:, chunk : chunk + entries, chunk : chunk + entries]


def _multiply(x: Tensor, factor: Tensor | None, block: slice, out: Tensor) -> None:
    if factor is None:
        out.copy_(x)
    else:
        # Broadcasting inside of the loop over few channels would take twice as long.
        part = factor[:, block]
        torch.mul(x, torch.cat([part] * (x.size(4) // part.size(4)), 4), out=out)


def _add_repeated(x: Tensor, factor: Tensor, out: Tensor) -> None:
    """Multiply in place, and add up what belongs to one key or query: ``[..., r, d]``."""
    x.mul_(factor)
    torch.add(x[..., :1, :], 0, out=out)
    for i in range(1, x.size(4)):
        out.add_(x[..., i : i + 1, :])
