"""Layers and products that are fed spike by spike, and accumulate before the next neuron fires.

The D virtual steps of a neuron ride on the batch axis, the fastest of it; see
:class:`spikedense.deploy.neurons.SpikeTrain`.
"""

from typing import Any

from torch import Tensor, nn

from spikedense.models.decode_heads.spike2former_base import MaskProduct
from spikedense.models.layers import AttentionProduct
from spikedense.models.pixel_decoders import DeformSample


def planes_of(x: Tensor, levels: int) -> Tensor:
    """Sets the virtual steps apart: ``[N * D, ...] -> [N, D, ...]``."""
    return x.unflatten(0, (x.size(0) // levels, levels))


def accumulate(x: Tensor, levels: int) -> Tensor:
    """Adds up what the virtual steps have brought: ``[N * D, ...] -> [N, ...]``."""
    return x if levels == 1 else planes_of(x, levels).sum(1)


class AccumulatingLayer(nn.Module):
    """A convolution or linear layer on binary spikes: D times the weights, once the bias.

    Args:
        layer: the layer; it loses its bias.
        levels: virtual steps D of its input.
    """

    def __init__(self, layer: Any, levels: int) -> None:
        super().__init__()
        self.levels = levels
        self.bias = layer.bias
        layer.bias = None
        self.synapses = layer

    @property
    def weight(self) -> Tensor:
        """Weights of the layer."""
        return self.synapses.weight

    def forward(self, x: Tensor) -> Tensor:
        """``[N * D, ...] -> [N, ...]``."""
        y = accumulate(self.synapses(x), self.levels)
        if self.bias is None:
            return y
        vector = y.dim() == 2 or isinstance(self.synapses, nn.Linear)
        return y + (self.bias if vector else self.bias[:, None, None])


class AccumulatingSynapse(nn.Module):
    """Spikes taken for a membrane, one to one.

    Args:
        levels: virtual steps D.
    """

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels = levels

    def forward(self, x: Tensor) -> Tensor:
        """``[N * D, ...] -> [N, ...]``."""
        return accumulate(x, self.levels)


class SpikeAttentionProduct(nn.Module):
    """An attention product in which each multiplication has a binary factor.

    A product of two integers is not the sum of the products of their spikes at the same step. So
    one of them is accumulated, and the spikes of the other add it up.

    Args:
        product: the product of integers.
        q_levels, k_levels, v_levels: virtual steps of queries, keys and values.
    """

    def __init__(
        self, product: AttentionProduct, q_levels: int, k_levels: int, v_levels: int
    ) -> None:
        super().__init__()
        self.scale = product.scale
        self.order = product.order
        self.q_levels, self.k_levels, self.v_levels = q_levels, k_levels, v_levels

    def forward(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        """As :class:`AttentionProduct`; each argument ``[N * D, heads, d, tokens]``."""
        out = self._quadratic(q, k, v, mask) if self._is_quadratic(mask) else self._linear(q, k, v)
        return out if self.scale == 1 else out * self.scale

    def _is_quadratic(self, mask: Tensor | None) -> bool:
        return mask is not None or self.order == 'quadratic'

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


class SpikeDeformSample(nn.Module):
    """Deformable sampling in which either the weights or the values are sent spike by spike.

    Args:
        sample: the sampling with integers.
        value_levels, weight_levels: virtual steps of the values and of the weights.
    """

    def __init__(self, sample: DeformSample, value_levels: int, weight_levels: int) -> None:
        super().__init__()
        self.sample = sample
        self.value_levels, self.weight_levels = value_levels, weight_levels

    def forward(self, value: Tensor, offset: Tensor, weight: Tensor) -> Tensor:
        """As :class:`DeformSample`; the spiking argument is ``[N * D, ...]``."""
        values = planes_of(value, self.value_levels)
        weights = planes_of(weight, self.weight_levels)
        total: Any = 0
        for i in range(self.value_levels):
            for j in range(self.weight_levels):
                total = total + self.sample(values[:, i], offset, weights[:, j])
        return total


class SpikeMaskProduct(nn.Module):
    """Mask logits from embeddings that are sent spike by spike.

    Args:
        product: the product with integers.
        levels: virtual steps of the embeddings.
    """

    def __init__(self, product: MaskProduct, levels: int) -> None:
        super().__init__()
        self.product = product
        self.levels = levels

    def forward(self, embedding: Tensor, mask_features: Tensor) -> Tensor:
        """As :class:`MaskProduct`, the embeddings ``[T, L*B*D, Q, C]``."""
        planes = embedding.unflatten(1, (-1, self.levels))
        total: Any = 0
        for d in range(self.levels):
            total = total + self.product(planes[:, :, d], mask_features)
        return total
