"""The product of queries, keys and values, and a base class for attention with this product."""

from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import rescaled_input
from spikedense.utils.answers import Folding, Unfoldable, is_exactly

from ..folding import out_layer
from ..rep_conv import SpikeRepConv
from ..spike_conv import SpikeConv
from ..stacked_conv import SpikeStackedConv

ORDERS = ('linear', 'quadratic')
#: Layers that begin with their neuron.
_PROJECTIONS = (SpikeConv, SpikeRepConv, SpikeStackedConv)


class AttentionProduct(nn.Module):
    """Products of spiking queries, keys and values, without softmax.

    The product is a module, so that analysis can name it and deployment can replace it.

    Args:
        scale: Factor of the product.
        order: ``'linear'`` computes ``q (k^T v)``, which costs less for many tokens;
            ``'quadratic'`` computes ``(q k^T) v``, the same function. A mask is always computed in
            quadratic order.
    """

    no_nir = 'it multiplies spikes by spikes, NIR only spikes by weights'

    def __init__(self, scale: float, order: str = 'linear') -> None:
        super().__init__()
        if order not in ORDERS:
            raise ValueError(f'order={order!r}, expected one of {ORDERS}')
        self.scale = scale
        self.order = order

    def forward(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        """Multiply, see :func:`attend`.

        Args:
            q: ``[T*B, heads, d, N_q]``.
            k: ``[T*B, heads, d, N]``.
            v: ``[T*B, heads, d_v, N]``.
            mask: True for each token that a query uses, ``[T*B, 1 or heads, N, N_q]``.

        Returns:
            ``[T*B, heads, d_v, N_q]``.
        """
        order = self.order if mask is None else 'quadratic'
        return attend(q, k, v, self.scale, order, mask)

    def scale_operand(self, which: int, factor: float) -> None:
        """Fold a factor of one operand into the scale of the product."""
        self.scale *= factor

    def macs_by_order(
        self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None
    ) -> dict[str, int]:
        """Return the multiply-accumulates of one call for each order."""
        copies = q.size(0) * q.size(1)
        return dict(
            linear=copies * k.size(2) * v.size(2) * (k.size(3) + q.size(3)),
            quadratic=copies * k.size(3) * q.size(3) * (k.size(2) + v.size(2)),
        )

    def extra_repr(self) -> str:
        return f'scale={self.scale:g}, order={self.order!r}'


class ProductAttention(BaseModule):
    """Base class of attention layers that end in ``out_proj(product(q, k, v))``.

    A subclass builds ``product``, an :class:`AttentionProduct`, and ``out_proj``, which begins with
    a neuron. The methods of this class are right only if ``out_proj`` reads the output of
    ``product`` directly.
    """

    product: AttentionProduct
    out_proj: Any

    def out_layer(self) -> nn.Module:
        """Return the layer that gives the output."""
        return out_layer(self.out_proj)

    def fold_scales(self, steps: int | None) -> list[Folding]:
        """Move the product's factor into the thresholds of the neuron behind the product."""
        try:
            self._rescale(self.product.scale)
        except Unfoldable as refused:
            return [Folding('attention scale', '', str(refused))]
        self.product.scale = 1.0
        return [Folding('attention scale', '')]

    def absorb(self, child: str, which: int, factor: float) -> None:
        """Fold a factor of an operand into the next neuron's thresholds, else into the product."""
        if self.product.scale == 1:
            try:
                self._rescale(factor)
                return
            except Unfoldable:
                pass
        self.product.scale_operand(which, factor)

    def _rescale(self, gain: float) -> None:
        """Fold a factor of the product into the thresholds of the neuron behind the product."""
        for part, known in ((self.product, (AttentionProduct,)), (self.out_proj, _PROJECTIONS)):
            if not is_exactly(part, *known):
                raise Unfoldable(f'{type(part).__name__} is none of {_names(known)}')
        self.out_proj.neuron = rescaled_input(self.out_proj.neuron, gain)


def _names(classes: tuple[type, ...]) -> str:
    return ', '.join(cls.__name__ for cls in classes)


def attend(
    q: Tensor, k: Tensor, v: Tensor, scale: float, order: str, mask: Tensor | None = None
) -> Tensor:
    """Multiply queries, keys and values of all heads.

    Half-precision input is computed in float32, because a sum over N tokens can be too large.

    Args:
        q: ``[T*B, heads, d, N_q]``.
        k: ``[T*B, heads, d, N]``.
        v: ``[T*B, heads, d_v, N]``.
        scale: Factor of the product.
        order: ``'linear'`` or ``'quadratic'``.
        mask: True for each token that a query uses, ``[T*B, 1 or heads, N, N_q]``; the order must
            be quadratic.

    Returns:
        ``[T*B, heads, d_v, N_q]``.
    """
    with torch.autocast(q.device.type, enabled=False):
        if q.dtype in (torch.float16, torch.bfloat16):
            q, k, v = q.float(), k.float(), v.float()
        if order == 'linear':
            return _scaled(v @ k.transpose(-2, -1), scale) @ q
        scores = k.transpose(-2, -1) @ q
        if mask is not None:
            scores = scores * mask
        return _scaled(v @ scores, scale)


def _scaled(x: Tensor, scale: float) -> Tensor:
    """Multiply, except by 1: in a deployed model the scale is folded."""
    return x if scale == 1 else x * scale
