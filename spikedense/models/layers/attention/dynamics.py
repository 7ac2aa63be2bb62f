"""The product of LRF-Dyn: linear dynamics over the tokens, gated by the queries."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikedense.ops.eager import is_eager_cpu
from spikedense.ops.gated_dynamics import gated_tokens
from spikedense.ops.token_dynamics import (
    Dynamics,
    chunk_tokens,
    decay_matrix,
    fft_tokens,
    impulse_response,
    one_by_one,
    parallel_tokens,
    scan_tokens,
    self_weight,
)

from ..time import HALF

SCANS = ('raster', 'bidirectional', 'cross')
#: Ways to compute the same read-outs.
WAYS: dict[str, Callable[..., Tensor]] = dict(
    chunk=chunk_tokens, fft=fft_tokens, scan=one_by_one, parallel=parallel_tokens
)
SHARES = ('head', 'block', 'channel')
READOUT_INITS = ('sum', 'mean')
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
        readout_init: Start of C. With ``'sum'``, tokens add up as in self-attention: C is
            ``k ** -0.5``. With ``'mean'``, a constant input gives itself: C is ``k ** -0.5 / tau``.
            A mean of products of spikes is far below 1, where an integer neuron rounds it to 0.
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
        readout_init: str = 'sum',
    ) -> None:
        super().__init__()
        for key, value, known in (
            ('share', share, SHARES),
            ('scan', scan, SCANS),
            ('readout_init', readout_init, READOUT_INITS),
            ('impl', impl, tuple(WAYS)),
        ):
            if value not in known:
                raise ValueError(f'{key}={value!r}, expected one of {known}')
        if type(num_dendrites) is not int or num_dendrites < 1:
            raise ValueError(f'num_dendrites={num_dendrites!r}, expected an integer of at least 1')
        if reset is not None and not (isinstance(reset, int | float) and reset > 0):
            raise ValueError(f'reset={reset!r}, expected a number above 0, or None')
        self.num_heads = num_heads
        self.scale = scale
        self.scan = scan
        self.num_dendrites = num_dendrites
        self.impl = impl
        self.reset = reset
        groups = dict(head=num_heads, block=1, channel=channels)[share]
        k = num_dendrites
        tau = torch.logspace(math.log10(2), math.log10(_LONGEST), k)
        # The inverse of 1 + softplus.
        self.raw_tau = nn.Parameter((tau - 1 + torch.log(-torch.expm1(1 - tau))).repeat(groups, 1))
        # One dendrite has no neighbour; a parameter without elements would get no gradient.
        self.coupling = nn.Parameter(torch.zeros(groups, k - 1)) if k > 1 else None
        self.gain = nn.Parameter(torch.full((groups, k), k**-0.5))
        readout = k**-0.5 / (tau if readout_init == 'mean' else torch.ones(k))
        self.readout = nn.Parameter(readout.repeat(groups, 1))

    def dynamics(self) -> Dynamics:
        """Return A, Gamma and C."""
        leak = (1 / (1 + F.softplus(self.raw_tau))).clamp(min=_SMALLEST_LEAK)
        coupling = leak[:, 1:] if self.coupling is None else self.coupling
        return Dynamics(decay_matrix(leak, coupling), self.gain, self.readout)

    def forward(self, q: Tensor | None, k: Tensor | None, v: Tensor) -> Tensor:
        """Multiply.

        Args:
            q: ``[T*B, C, H, W]`` or None.
            k: ``[T*B, C, H, W]`` or None.
            v: ``[T*B, C_v, H, W]``.

        Returns:
            ``[T*B, C_v, H, W]``.
        """
        if self._is_fast(v):
            dynamics = self._scaled(self.dynamics(), self.scale)
            return gated_tokens(q, k, v, dynamics, self.num_heads, self.scan == 'bidirectional')
        return self.gated(q, self.run(v if k is None else self.tiled(k, v), self.scale))

    def _is_fast(self, v: Tensor) -> bool:
        """Tell whether the fast product on a CPU can be used."""
        return (
            self.impl == 'chunk'
            and self.scan != 'cross'
            and len(self.gain) in (1, self.num_heads)
            and (self.reset is None or self.training)
            and is_eager_cpu(v)
        )

    def tiled(self, spikes: Tensor, values: Tensor) -> Tensor:
        """Multiply each channel of a head by the values of that head, ``[T*B, C_v, H, W]``."""
        if spikes.size(1) == values.size(1):
            return spikes * values
        split = (self.num_heads, -1, spikes.size(1) // self.num_heads)
        once = spikes.unflatten(1, (self.num_heads, 1, split[2]))
        return (once * values.unflatten(1, split)).flatten(1, 3)

    def gated(self, q: Tensor | None, m: Tensor) -> Tensor:
        """Multiply the read-outs ``[T*B, C_v, H, W]`` by the queries, if there are any."""
        return m if q is None else self.tiled(q, m)

    def run(self, u: Tensor, scale: float = 1.0) -> Tensor:
        """Run the dynamics, and scale the read-outs: ``[T*B, C_v, H, W] -> [T*B, C_v, H, W]``.

        Half-precision input is computed in float32, because a sum over N tokens can be too large.
        """
        with torch.autocast(u.device.type, enabled=False):
            return self._run(u.float() if u.dtype in HALF else u, scale)

    def _run(self, u: Tensor, scale: float) -> Tensor:
        dynamics = self.dynamics()
        if self.reset is not None and not self.training:
            return self._along(u, dynamics) * scale
        return self._along(u, self._scaled(dynamics, scale))

    def _scaled(self, dynamics: Dynamics, scale: float) -> Dynamics:
        return dynamics if scale == 1 else dynamics._replace(readout=dynamics.readout * scale)

    def _along(self, u: Tensor, dynamics: Dynamics) -> Tensor:
        if self.scan != 'cross':
            return self._along_rows(u, dynamics, self.scan == 'bidirectional')
        rows = self._along_rows(u, dynamics, True)
        columns = self._along_rows(u.transpose(2, 3), dynamics, True).transpose(2, 3)
        itself = self.grouped(u) * self_weight(dynamics)
        return (rows + columns + 2 * itself.reshape(u.shape)) / 4

    def _along_rows(self, u: Tensor, dynamics: Dynamics, both: bool) -> Tensor:
        tokens = self.grouped(u)
        if self.reset is not None and not self.training:
            m = one_by_one(tokens, dynamics, both, self.reset)
        else:
            # ONNX has no Fourier transform of fixed sizes, and loops would be unrolled.
            impl = 'chunk' if torch.onnx.is_in_onnx_export() else self.impl
            m = WAYS[impl](tokens, dynamics, both=both)
        return m.reshape(u.shape)

    def grouped(self, u: Tensor) -> Tensor:
        """Split the groups off the channels: ``[T*B, S, C_v / S, N]``."""
        return u.flatten(2).unflatten(1, (len(self.gain), -1))

    def weights(self, queries: slice, height: int, width: int) -> Tensor:
        r"""Return :math:`|K|` between tokens: how much a token enters the read-out of another.

        Args:
            queries: The n tokens that are entered, in raster order.
            height: Height of the map.
            width: Width of the map.

        Returns:
            ``[S, n, N]`` for the S groups.
        """
        N = height * width
        kernel = impulse_response(self.dynamics(), N).abs()
        places = torch.arange(N, device=kernel.device)
        gap = places[queries].unsqueeze(1) - places
        if self.scan == 'raster':
            return kernel[:, gap.clamp(min=0)] * (gap >= 0)
        if self.scan == 'bidirectional':
            return kernel[:, gap.abs()]
        by_column = places % width * height + places // width
        columns = by_column[queries].unsqueeze(1) - by_column
        return (kernel[:, gap.abs()] + kernel[:, columns.abs()]) * (0.25 + 0.25 * (gap == 0))

    def scale_operand(self, which: int, factor: float) -> None:
        """Fold a factor of one operand into the scale; a reset sees the read-outs of tokens."""
        self.scale *= factor
        if which > 0 and self.reset is not None:
            self.reset /= factor

    def stream_tokens(self) -> None:
        """Compute with the operations of the streaming form, as analysis counts them."""
        self.impl = 'parallel'

    def stream(self) -> 'DynamicsStream':
        """Return the product for tokens that come in pieces.

        Raises:
            ValueError: The scan is not causal.
        """
        if self.scan != 'raster':
            raise ValueError(f"scan={self.scan!r}, expected 'raster': only this scan is causal")
        return DynamicsStream(self)

    def extra_repr(self) -> str:
        how = f'scan={self.scan!r}, impl={self.impl!r}'
        return f'scale={self.scale:g}, num_dendrites={self.num_dendrites}, {how}'


class DynamicsStream:
    """Computes a :class:`DynamicsProduct` piece by piece; the state is k numbers a channel.

    Each row of the batch axis is one image at one time step. Call :meth:`reset` before other images
    or time steps.

    Args:
        product: The product, of a causal scan.
    """

    def __init__(self, product: DynamicsProduct) -> None:
        self.product = product
        #: The dendrites after the last token, ``[T*B, S, C_v / S, k]``; None before the first.
        self.state: Tensor | None = None

    def __call__(self, q: Tensor | None, k: Tensor | None, v: Tensor) -> Tensor:
        """Multiply the next n tokens.

        Args:
            q: ``[T*B, C, n]`` or None.
            k: ``[T*B, C, n]`` or None.
            v: ``[T*B, C_v, n]``.

        Returns:
            ``[T*B, C_v, n]``.

        Raises:
            ValueError: The batch is not that of the earlier pieces.
        """
        product = self.product
        u = product.grouped(v if k is None else product.tiled(k, v))
        if self.state is not None and self.state.shape[:3] != u.shape[:3]:
            raise ValueError(
                f'a piece has {len(v)} rows, expected {len(self.state)} as before: call reset() '
                'before other images'
            )
        m, self.state = scan_tokens(u, product.dynamics(), self.state, product.reset)
        return product.gated(q, m.reshape(v.shape) * product.scale)

    def reset(self) -> None:
        """Clear the state."""
        self.state = None
