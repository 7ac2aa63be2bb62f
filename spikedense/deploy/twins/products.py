"""Twins of the products, with a binary factor in each multiplication.

The product of two integers is not the sum of products of both spikes at the same virtual step. One
integer is accumulated first; then each spike of the other integer adds the accumulated one.
"""

from typing import Any

import torch
from torch import Tensor, nn

from spikedense.models.decode_heads.spike2former_base import MaskProduct
from spikedense.models.layers import (
    AttentionProduct,
    DeformSample,
    PooledSpikeProduct,
    RealSpikeProduct,
    SpikeInhibition,
    SpikeProduct,
    SpikeSum,
    SpikeTap,
    SpikeTotal,
    pool_tokens,
)
from spikedense.models.layers.mask_embed import DirectSynapse

from .planes import accumulate, planes_of
from .table import twin_of


class ProductTwin(nn.Module):
    """Base class of twins that run the product of integers on spikes.

    Args:
        product: The product of integers.
        levels: Number of virtual steps of each argument of the product; 1 for real values.
    """

    def __init__(self, product: Any, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.product = product
        self.levels = levels


@twin_of(DirectSynapse)
class AccumulatingSynapse(ProductTwin):
    """One weight for all spikes."""

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        """``[N * D, ...], [1] -> [N, ...]``."""
        return self.product(accumulate(x, self.levels[0]), weight)


@twin_of(AttentionProduct)
class SpikeAttentionProduct(nn.Module):
    """An attention product of binary spikes.

    Args:
        product: The product of integers.
        levels: Numbers of virtual steps of queries, keys and values.
    """

    def __init__(self, product: AttentionProduct, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.scale = product.scale
        self.order = product.order
        self.q_levels, self.k_levels, self.v_levels = levels[:3]

    def forward(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        """Multiply as :class:`AttentionProduct`; arguments are ``[N * D, heads, d, tokens]``."""
        is_quadratic = mask is not None or self.order == 'quadratic'
        out = self._quadratic(q, k, v, mask) if is_quadratic else self._linear(q, k, v)
        return out if self.scale == 1 else out * self.scale

    def _linear(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        keys = accumulate(k, self.k_levels).unsqueeze(1)  # [N, 1, heads, d, tokens]
        context = (planes_of(v, self.v_levels) @ keys.transpose(-2, -1)).sum(1, keepdim=True)
        return (context @ planes_of(q, self.q_levels)).sum(1)

    def _quadratic(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        queries = accumulate(q, self.q_levels).unsqueeze(1)
        scores = (planes_of(k, self.k_levels).transpose(-2, -1) @ queries).sum(1)
        if mask is not None:
            scores = scores * mask
        return (planes_of(v, self.v_levels) @ scores.unsqueeze(1)).sum(1)


@twin_of(DeformSample)
class SpikeDeformSample(ProductTwin):
    """Deformable sampling; either the weights or the values are spikes."""

    def forward(self, value: Tensor, offset: Tensor, weight: Tensor) -> Tensor:
        """Sample as :class:`DeformSample`; the spiking argument is ``[N * D, ...]``."""
        value_levels, _, weight_levels = self.levels
        values, weights = planes_of(value, value_levels), planes_of(weight, weight_levels)
        total: Any = 0
        for i in range(value_levels):
            for j in range(weight_levels):
                total = total + self.product(values[:, i], offset, weights[:, j])
        return total


@twin_of(MaskProduct)
class SpikeMaskProduct(ProductTwin):
    """Mask logits from embeddings that are sent spike by spike."""

    def forward(self, embedding: Tensor, mask_features: Tensor) -> Tensor:
        """Multiply as :class:`MaskProduct`; the embeddings are ``[T, L*B*D, Q, C]``."""
        planes = embedding.unflatten(1, (-1, self.levels[0]))
        total: Any = 0
        for d in range(self.levels[0]):
            total = total + self.product(planes[:, :, d], mask_features)
        return total


@twin_of(SpikeSum, binary=True)
class ConcatenatedSpikes(nn.Module):
    """A sum of spikes: the virtual steps of both neurons, one after the other.

    Args:
        total: The sum of integers.
        levels: Numbers of virtual steps of both summands.
    """

    def __init__(self, total: SpikeSum, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.levels = levels

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """``[T, B * n, ...], [T, B * m, ...] -> [T, B * (n + m), ...]``."""
        planes = [z.unflatten(1, (-1, d)) for z, d in zip((x, y), self.levels, strict=True)]
        return torch.cat(planes, 2).flatten(1, 2)


@twin_of(SpikeTap)
class AccumulatingTap(ProductTwin):
    """A synapse that adds the spikes of all virtual steps to a membrane potential."""

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B * D, ...] -> [T, B, ...]``."""
        return self.product(x).unflatten(1, (-1, self.levels[0])).sum(2)


@twin_of(SpikeProduct)
class PairedSpikes(ProductTwin):
    """A product of spikes: the AND of each spike of one factor with each spike of the other one.

    Integers up to n and up to m give ``n * m`` virtual steps.
    """

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """``[N * n, ...], [N * m, ...] -> [N * n * m, ...]``."""
        n, m = self.levels
        pairs = self.product(planes_of(x, n).unsqueeze(2), planes_of(y, m).unsqueeze(1))
        return pairs.flatten(0, 2)


@twin_of(SpikeInhibition)
class InhibitedSpikes(ProductTwin):
    """Spikes where another map has none: each virtual step by itself.

    The spikes that inhibit must be binary.
    """

    def __init__(self, product: SpikeInhibition, levels: tuple[int, ...]) -> None:
        super().__init__(product, levels)
        if levels[1] != 1:
            raise ValueError(
                f'spike-driven inference: integers up to {levels[1]} inhibit spikes, expected '
                'binary spikes'
            )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """``[T, B * n, ...], [T, B, ...] -> [T, B * n, ...]``."""
        return self.product(x, y.repeat_interleave(self.levels[0], 1))


@twin_of(PooledSpikeProduct)
class PooledPairs(nn.Module):
    """A pooled product of spikes.

    If one factor is binary, the spikes of the product are in thermometer order, and the largest
    integer is the maximum at each virtual step. Else the largest integer is sent anew.

    Args:
        product: The pooled product of integers.
        levels: Numbers of virtual steps of both factors.
    """

    def __init__(self, product: PooledSpikeProduct, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.pairs = PairedSpikes(SpikeProduct(), levels)
        self.levels = levels[0] * levels[1]
        self.in_order = 1 in levels[:2]

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """``[N * n, ...], [N * m, ...] -> [N * n * m, ...]``."""
        pairs = self.pairs(x, y)
        if self.in_order:
            return pool_tokens(pairs)
        counts = pool_tokens(accumulate(pairs, self.levels))
        planes = [counts > level for level in range(self.levels)]
        return torch.stack(planes, 1).flatten(0, 1).to(x.dtype)


@twin_of(SpikeTotal)
class AccumulatedTotal(ProductTwin):
    """A sum of spikes along an axis and over the virtual steps."""

    def forward(self, x: Tensor) -> Tensor:
        """``[N * D, ...] -> [N, ...]``."""
        return accumulate(self.product(x), self.levels[0])


@twin_of(RealSpikeProduct)
class AccumulatedProduct(ProductTwin):
    """A product of real values and spikes: the sum of its products over the virtual steps."""

    def forward(self, x: Tensor, spikes: Tensor) -> Tensor:
        """``[N, heads, m, k], [N * D, heads, k, n] -> [N, heads, m, n]``."""
        return self.product(x.unsqueeze(1), planes_of(spikes, self.levels[1])).sum(1)
