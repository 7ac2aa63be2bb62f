"""The product of LRF-Dyn: linear dynamics over the tokens, gated by the queries."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikedense.ops.token_dynamics import (
    Dynamics,
    chunk_tokens,
    decay_matrix,
    fft_tokens,
    one_by_one,
    parallel_tokens,
    self_weight,
)

from ..time import HALF

SCANS = ('raster', 'bidirectional', 'cross')
#: Ways to compute the same read-outs.
WAYS: dict[str, Callable[..., Tensor]] = dict(
    chunk=chunk_tokens, fft=fft_tokens, scan=one_by_one, parallel=parallel_tokens
)
SHARES = ('head', 'block', 'channel')
#: Largest time constant at the start: tokens of a map of 14 x 14.
_LONGEST = 196
#: The leak of a dendrite stays above this number, so that it does not vanish in float32.
_SMALLEST_LEAK = 1e-6


class DynamicsProduct(nn.Module):
    r"""A leaky sum over the tokens, in k dendrites for each channel of the value.

    .. math::
        u_n = k_n \odot v_n, \quad x_n = A x_{n-1} + \Gamma u_n, \quad
        a_n = \mathrm{scale} \cdot q_n \odot C x_n

    Keys and queries have the channels of a head; they are repeated if a value has more. Without
    keys, :math:`u_n = v_n`; without queries, there is no gate. A is symmetric and tri-diagonal, see
    :func:`spikedense.ops.token_dynamics.decay_matrix`, of leaks :math:`1 / \tau_i` with
    :math:`\tau_i = 1 + \mathrm{softplus}(\cdot)`, log-spaced from 2 to 196 at the start.

    The token itself counts once. For ``scan='bidirectional'``, earlier and later tokens are added.
    ``'cross'`` is the mean of four directions, by rows and by columns.

    Args:
        channels: Channels of the value.
        num_heads: Number of heads.
        scale: Factor of the product.
        num_dendrites: Number of dendrites k.
        share: Whether the channels of a ``'head'`` share A, Gamma and C, all channels
            (``'block'``), or none (``'channel'``).
        scan: ``'raster'`` (causal), ``'bidirectional'`` or ``'cross'``.
        impl: ``'chunk'``, ``'fft'``, ``'scan'`` (token by token) or ``'parallel'`` (the operations
            of the streaming form): one function in four ways.
        reset: An experiment in eval mode only: read-out from which on the dendrites of a channel
            are empty after the token. None means no reset.
    """

    no_nir = 'it multiplies spikes by spikes, NIR only spikes by weights'
    #: Operations without a spiking factor are the leak of the dendrites, as in a neuron.
    neural_dynamics = True

    def __init__(
        self,
        channels: int,
        num_heads: int,
        scale: float,
        num_dendrites: int = 8,
        share: str = 'head',
        scan: str = 'raster',
        impl: str = 'chunk',
        reset: float | None = None,
    ) -> None:
        super().__init__()
        for key, value, known in (
            ('share', share, SHARES),
            ('scan', scan, SCANS),
            ('impl', impl, tuple(WAYS)),
        ):
            if value not in known:
                raise ValueError(f'{key}={value!r}, expected one of {known}')
        if not isinstance(num_dendrites, int) or num_dendrites < 1:
            raise ValueError(f'num_dendrites={num_dendrites!r}, expected an integer of at least 1')
        self.num_heads = num_heads
        self.scale = scale
        self.scan = scan
        self.impl = impl
        self.reset = reset
        groups = dict(head=num_heads, block=1, channel=channels)[share]
        k = num_dendrites
        tau = torch.logspace(math.log10(2), math.log10(_LONGEST), k)
        # The inverse of 1 + softplus.
        self.raw_tau = nn.Parameter((tau - 1 + torch.log(-torch.expm1(1 - tau))).repeat(groups, 1))
        self.coupling = nn.Parameter(torch.zeros(groups, k - 1))
        self.gain = nn.Parameter(torch.full((groups, k), k**-0.5))
        self.readout = nn.Parameter((k**-0.5 / tau).repeat(groups, 1))

    def dynamics(self) -> Dynamics:
        """Return A, Gamma and C."""
        leak = (1 / (1 + F.softplus(self.raw_tau))).clamp(min=_SMALLEST_LEAK)
        return Dynamics(decay_matrix(leak, self.coupling), self.gain, self.readout)

    def forward(self, q: Tensor | None, k: Tensor | None, v: Tensor) -> Tensor:
        """Multiply.

        Args:
            q: ``[T*B, C, H, W]`` or None.
            k: ``[T*B, C, H, W]`` or None.
            v: ``[T*B, C_v, H, W]``.

        Returns:
            ``[T*B, C_v, H, W]``.
        """
        return self.gated(q, self.run(v if k is None else self.tiled(k, v)))

    def tiled(self, spikes: Tensor, values: Tensor) -> Tensor:
        """Multiply each channel of a head by the values of that head, ``[T*B, C_v, H, W]``."""
        if spikes.size(1) == values.size(1):
            return spikes * values
        split = (self.num_heads, -1, spikes.size(1) // self.num_heads)
        once = spikes.unflatten(1, (self.num_heads, 1, split[2]))
        return (once * values.unflatten(1, split)).flatten(1, 3)

    def gated(self, q: Tensor | None, m: Tensor) -> Tensor:
        """Apply queries and scale to the read-outs, ``[T*B, C_v, H, W]``."""
        m = m if q is None else self.tiled(q, m)
        return m if self.scale == 1 else m * self.scale

    def run(self, u: Tensor) -> Tensor:
        """Run the dynamics: ``[T*B, C_v, H, W] -> [T*B, C_v, H, W]``.

        Half-precision input is computed in float32, because a sum over N tokens can be too large.
        """
        with torch.autocast(u.device.type, enabled=False):
            return self._run(u.float() if u.dtype in HALF else u)

    def _run(self, u: Tensor) -> Tensor:
        dynamics = self.dynamics()
        if self.scan != 'cross':
            return self._along_rows(u, dynamics, self.scan == 'bidirectional')
        rows = self._along_rows(u, dynamics, True)
        columns = self._along_rows(u.transpose(2, 3), dynamics, True).transpose(2, 3)
        itself = self._grouped(u) * self_weight(dynamics)
        return (rows + columns + 2 * itself.reshape(u.shape)) / 4

    def _along_rows(self, u: Tensor, dynamics: Dynamics, both: bool) -> Tensor:
        u_grouped = self._grouped(u)
        if self.reset is not None and not self.training:
            m = one_by_one(u_grouped, dynamics, both, self.reset)
        else:
            m = WAYS[self.impl](u_grouped, dynamics, both=both)
        return m.reshape(u.shape)

    def _grouped(self, u: Tensor) -> Tensor:
        """Split the groups off the channels: ``[T*B, S, C_v / S, N]``."""
        return u.flatten(2).unflatten(1, (len(self.gain), -1))

    def extra_repr(self) -> str:
        k = self.gain.size(1)
        return f'scale={self.scale:g}, num_dendrites={k}, scan={self.scan!r}, impl={self.impl!r}'
