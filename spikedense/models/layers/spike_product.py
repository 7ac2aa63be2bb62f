"""Products and totals of spikes that an attention by gates needs."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikedense.utils.answers import Unfoldable

from .time import HALF

#: Largest integer and divisor of spikes; None for other values.
Grid = tuple[int, float] | None


class SpikeProduct(nn.Module):
    """The product of two spiking tensors, element by element; of binary spikes the AND.

    An integer up to n times an integer up to m is an integer up to ``n * m``, and the divisors of
    the neurons multiply. The product is a module, so that spike-driven inference can replace it by
    a module that combines each spike of one factor with each spike of the other factor.
    """

    no_nir = 'it multiplies spikes by spikes, NIR only spikes by weights'

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """``[N, ...], [N, ...] -> [N, ...]``; axes of length 1 are repeated."""
        return x * y

    def scale_operand(self, which: int, factor: float) -> None:
        """Change nothing: the reader of the product takes the factor."""


class SpikeInhibition(nn.Module):
    """The spikes of one map where another map has none, ``x * (1 - y)``: IAND, for binary y.

    The inverted spikes ``1 - y`` are spikes only if y is 0 or 1.
    """

    no_nir = SpikeProduct.no_nir

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """``[T, B, ...], [T, B, ...] -> [T, B, ...]``."""
        return x * (1 - y)

    def spike_grid(self, x: Grid, y: Grid) -> Grid:
        """Tell that the result is spikes, as x is, if y is 0 or 1."""
        return x if y == (1, 1) else None

    def scale_operand(self, which: int, factor: float) -> None:
        """Change nothing for a factor of x; a factor of y has no place."""
        if which == 1:
            raise Unfoldable('1 - y needs spikes y of 0 and 1')


def pool_tokens(x: Tensor) -> Tensor:
    """Take the maximum over three neighbouring tokens and three neighbouring channels of a head.

    Args:
        x: ``[N, heads, d, tokens]``, tokens in raster order.

    Returns:
        ``[N, heads, d, tokens]``.
    """
    # Among equal spikes the first one gets the gradient, token by token as in the published code.
    pooled = F.max_pool2d(x.transpose(-2, -1), 3, stride=1, padding=1)
    return pooled.transpose(-2, -1).contiguous()


class PooledSpikeProduct(SpikeProduct):
    """:class:`SpikeProduct` of heads, behind it the max pooling of :func:`pool_tokens`."""

    no_nir = SpikeProduct.no_nir
    scale_operand = SpikeProduct.scale_operand

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """``[N, heads, d, tokens], [N, heads, d, tokens] -> [N, heads, d, tokens]``."""
        return pool_tokens(super().forward(x, y))


class SpikeTotal(nn.Module):
    """The sum of spikes along one axis, one addition for each spike, times a factor.

    Half-precision input is added up in float32, because a sum over N tokens can be too large.

    Args:
        axis: The axis, not the first one; its length becomes 1.
        scale: Factor of the sum.
    """

    no_nir = 'a sum of spikes over tokens or channels has no NIR node'

    def __init__(self, axis: int, scale: float = 1.0) -> None:
        super().__init__()
        self.axis = axis
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        """Add up: ``[N, ...] -> [N, ...]``."""
        dtype = torch.float32 if x.dtype in HALF else None
        total = x.sum(self.axis, keepdim=True, dtype=dtype)
        return total if self.scale == 1 else total * self.scale

    def scale_operand(self, which: int, factor: float) -> None:
        """Fold a factor of the spikes into the factor of the sum."""
        self.scale *= factor

    def extra_repr(self) -> str:
        return f'axis={self.axis}, scale={self.scale:g}'
