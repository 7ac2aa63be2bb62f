"""Attention by dynamics over the tokens, with a local receptive field (LRF-Dyn)."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from spikedense.ops.eager import is_eager_cpu
from spikedense.registry import MODELS
from spikedense.utils.answers import Unfoldable

from ..time import fold_time, unfold_time
from .dynamics import DynamicsProduct
from .heads import split_heads
from .lrf_ssa import LRFSelfAttention
from .memory import REAL_BITS, AttentionMemory, spike_bits

TOKENS = ('kv', 'v', 'x', 'proj')
GATES = ('q', None)
LRF_ON = ('v', 'u', 'm')


@MODELS.register_module()
class LRFDynamicAttention(LRFSelfAttention):
    r"""LRF-Dyn: a leaky sum over the tokens instead of the product of keys and values.

    .. math::
        u_n = k_n \odot v_n, \quad x_n = A x_{n-1} + \Gamma u_n, \quad
        y = P_o\bigl(\mathrm{SN}(\mathrm{scale} \cdot q_n \odot C x_n + \mathrm{LRF}(v)_n)\bigr)

    Experimental. The paper "Neural Dynamics Self-Attention for Spiking Transformers" (ICLR 2026)
    has no public code. It gives ``x_n = A x_{n-1} + Gamma Token_n`` with a tri-diagonal A, the
    number of dendrites, and the sum with the local term. Our reconstruction is: what a token is,
    the gate by the queries, the read-out C, the sharing of A, its parameters, the starting values,
    and the scans that are not causal. ``token='x'`` and ``token='proj'`` with ``gate=None`` are the
    literal reading.

    At inference, the state is k numbers for each channel of the value.

    Args:
        channels: Channels d of input and output.
        num_heads: Number of heads.
        token: What the dynamics read: ``'kv'`` (keys times values), ``'v'`` (values), ``'proj'``
            (the same, as the only projection), or ``'x'`` (the spikes of the input; then there is
            no projection, ``value_ratio`` must be 1, and the local term reads the token).
        gate: ``'q'`` multiplies the read-out by the queries; None has no queries.
        lrf_on: What the local term reads: the value (``'v'``), the token (``'u'``) or the read-out
            (``'m'``). For ``'u'`` and ``'m'`` there is no spike-driven twin, because the term reads
            no spikes of one neuron.
        scan: ``'raster'`` (as published: a token sees itself and earlier tokens),
            ``'bidirectional'``, or ``'cross'`` (rows and columns, both directions).
        share: Which channels share A, Gamma and C: those of a ``'head'``, of the ``'block'``, or
            none (``'channel'``).
        impl: See :class:`DynamicsProduct`.
        num_dendrites: Number of dendrites k.
        reset: See :class:`DynamicsProduct`.
        readout_init: See :class:`DynamicsProduct`.
        **kwargs: Those of :class:`LRFSelfAttention`, except ``order``.
    """

    def __init__(
        self,
        channels: int,
        num_heads: int,
        token: str = 'kv',
        gate: str | None = 'q',
        lrf_on: str = 'v',
        scan: str = 'raster',
        share: str = 'head',
        impl: str = 'chunk',
        num_dendrites: int = 8,
        reset: float | None = None,
        readout_init: str = 'sum',
        **kwargs: Any,
    ) -> None:
        for key, value, known in (
            ('token', token, TOKENS),
            ('gate', gate, GATES),
            ('lrf_on', lrf_on, LRF_ON),
        ):
            if value not in known:
                raise ValueError(f'{key}={value!r}, expected one of {known}')
        if token in ('x', 'proj') and gate is not None:
            raise ValueError(f'gate={gate!r} beside token={token!r}, expected gate=None')
        if token == 'x' and kwargs.get('reads_spikes'):
            raise ValueError(
                "token='x' beside reads_spikes=True, expected another token: the input is a sum of "
                'spikes'
            )
        if 'order' in kwargs:
            raise ValueError(f'order={kwargs["order"]!r}, expected none: there is only one order')
        if token == 'x' and kwargs.get('value_ratio', 1) != 1:
            raise ValueError(
                f"value_ratio={kwargs['value_ratio']!r} beside token='x', expected value_ratio=1: "
                'the value is the input'
            )
        super().__init__(channels, num_heads, **kwargs)
        self.token = token
        self.lrf_on = lrf_on
        if self.local is not None and lrf_on != 'v':
            self.no_twin = (
                f"attn_cfg has lrf_on={lrf_on!r}, expected lrf_on='v': the local term must read "
                'the spikes of one neuron'
            )
        self.product = DynamicsProduct(  # type: ignore[assignment]
            channels * kwargs.get('value_ratio', 1),
            num_heads,
            self.product.scale,
            num_dendrites,
            share,
            scan,
            impl,
            reset,
            readout_init,
        )
        unused = [('q', gate is None), ('k', token != 'kv'), ('v', token == 'x')]
        for name in [name for name, is_unused in unused if is_unused]:
            setattr(self, f'{name}_conv', None)
            setattr(self, f'{name}_neuron', None)

    @classmethod
    def unused_arguments(cls, given: Mapping[str, Any]) -> set[str]:
        """Return the arguments that have no meaning beside the given ones."""
        return {'value_ratio'} if given.get('token') == 'x' else set()

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        reads_spikes = isinstance(self.neuron, nn.Identity)  # a copy of them is not needed
        if is_eager_cpu(x) and not reads_spikes:  # the dynamics are fast in this format
            x = unfold_time(fold_time(x).contiguous(memory_format=torch.channels_last), x.size(0))
        s = self.neuron(x)
        q, k = self._projected('q', s), self._projected('k', s)
        v = s if self.v_conv is None else self.v_neuron(self.v_conv(s))
        if self.local is not None and self.lrf_on != 'v':
            return self.out_proj(self._local_inside(q, k, v))
        product = self.product(_folded(q), _folded(k), fold_time(v))
        return self.out_proj(self._fused(unfold_time(product, x.size(0)), v))

    def _projected(self, name: str, s: Tensor) -> Tensor | None:
        conv = getattr(self, f'{name}_conv')
        return None if conv is None else getattr(self, f'{name}_neuron')(conv(s))

    def _local_inside(self, q: Tensor | None, k: Tensor | None, v: Tensor) -> Tensor:
        """Compute with a local term that reads the token or the read-out."""
        product: Any = self.product
        u = fold_time(v) if k is None else product.tiled(fold_time(k), fold_time(v))
        m = product.run(u)
        read = unfold_time(u if self.lrf_on == 'u' else m, v.size(0))
        return self._fused(
            unfold_time(product.gated(_folded(q), m) * product.scale, v.size(0)), read
        )

    out_layer = LRFSelfAttention.out_layer
    fold_scales = LRFSelfAttention.fold_scales

    def absorb(self, child: str, which: int, factor: float) -> None:
        """Take a factor on the product into the thresholds; the local term is divided by it."""
        if self.local is not None and self.lrf_on != 'v':
            raise Unfoldable(
                f'lrf_on={self.lrf_on!r}: its local term reads no spikes of one neuron'
            )
        self._take(factor)
        product: Any = self.product
        if which > 0 and product.reset is not None:
            product.reset /= factor

    def attention_memory(self, height: int, width: int) -> AttentionMemory:
        """Return the memory at inference: the dendrites, and rows for the local term.

        If a scan is not causal, the spikes of all tokens are kept, and the read-outs of the
        directions that are done.
        """
        tokens, channels = height * width, self._value_channels
        product: Any = self.product
        sizes = {'q': self.channels, 'k': self.channels, 'v': channels}
        levels = self._levels()
        bits = sum(tokens * sizes[name] * spike_bits(D) for name, D in levels.items())
        state = product.num_dendrites * channels * REAL_BITS
        of_token = [D for name, D in levels.items() if name != 'q']
        token_bits = spike_bits(None if None in of_token else math.prod(of_token))
        read = dict(v=spike_bits(levels['v']), u=token_bits, m=REAL_BITS)[self.lrf_on]
        buffer = self._buffer(width, read)
        if product.scan == 'raster':
            return AttentionMemory(state, queries=0, tokens=bits, buffer=buffer)
        state += tokens * channels * REAL_BITS
        return AttentionMemory(state, queries=bits, tokens=bits, buffer=buffer)

    @property
    def _value_channels(self) -> int:
        return self.channels if self.token == 'x' else self.v_channels

    def _levels(self) -> dict[str, Any]:
        """Return D of queries, keys and values, as far as there are any; None for real values."""
        neurons = {name: getattr(self, f'{name}_neuron') for name in 'qkv'}
        neurons['v'] = self.neuron if neurons['v'] is None else neurons['v']
        return {name: neuron.D for name, neuron in neurons.items() if neuron is not None}

    def token_scores(self, x: Tensor) -> Callable[[slice], Tensor]:
        r"""Return a function that computes how much each token contributes to each query.

        The scores are :math:`|\mathrm{scale} \cdot q_n k_j K[n - j]|` plus the absolute weights of
        the local term, both averaged over the channels of a head of the value.

        Args:
            x: Input of the attention, ``[T, B, C, H, W]``.

        Returns:
            A function from a slice of n queries to scores ``[T*B, heads, n, N]``.

        Raises:
            Unfoldable: The local term does not read the values.
        """
        if self.local is not None and self.lrf_on != 'v':
            raise Unfoldable(
                f'lrf_on={self.lrf_on!r}: its local term reads no values, so they have no weights'
            )
        s = self.neuron(x)
        ones = s.new_ones(1, self.num_heads, self.channels // self.num_heads, s[0, 0, 0].numel())
        q, k = (
            ones if y is None else split_heads(y, self.num_heads)
            for y in (self._projected('q', s), self._projected('k', s))
        )
        rows, (height, width) = x.size(0) * x.size(1), x.shape[-2:]
        product: Any = self.product

        def scores(queries: slice) -> Tensor:
            weights = product.weights(queries, height, width) * abs(product.scale)
            found = _weighted(q[..., queries], k, weights, self.num_heads).expand(rows, -1, -1, -1)
            return self._with_local(found, queries, x)

        return scores


def _weighted(q: Tensor, k: Tensor, weights: Tensor, num_heads: int) -> Tensor:
    """Average ``q_n k_j w[n, j]`` over the channels of a head.

    Args:
        q: ``[B, heads, d, n]``.
        k: ``[B, heads, d, N]``.
        weights: ``[S, n, N]``; S is 1, the number of heads, or that of the value's channels.
        num_heads: Number of heads.

    Returns:
        ``[B, heads, n, N]``.
    """
    d = q.size(2)
    if len(weights) <= num_heads:
        return q.transpose(-2, -1) @ k * weights / d
    by_channel = weights.unflatten(0, (num_heads, -1, d)).mean(1)  # [heads, d, n, N]
    total: Any = 0
    for i in range(d):
        total = total + q[:, :, i, :, None] * k[:, :, i, None] * by_channel[:, i]
    return total / d


def _folded(x: Tensor | None) -> Tensor | None:
    return None if x is None else fold_time(x)
