"""Spike-driven attention."""

from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import build_neuron

from .rep_conv import SpikeRepConv
from .spike_conv import SpikeConv
from .time import fold_time, unfold_time

PROJECTIONS = ('conv', 'rep_conv')
ORDERS = ('linear', 'quadratic')


class AttentionProduct(nn.Module):
    """Products of spiking queries, keys and values, without softmax.

    A module, so that analysis and deployment can name it, measure it and replace it.

    Args:
        scale: factor of the product.
        order: ``'linear'`` or ``'quadratic'``, the same function; a mask needs the latter.
    """

    def __init__(self, scale: float, order: str) -> None:
        super().__init__()
        self.scale = scale
        self.order = order

    def forward(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        """See :func:`attend`: ``[T*B, heads, d_v, N_q]``."""
        order = self.order if mask is None else 'quadratic'
        return attend(q, k, v, self.scale, order, mask)

    def extra_repr(self) -> str:
        return f'scale={self.scale:g}, order={self.order!r}'


class SpikeSelfAttention(BaseModule):
    r"""Spike-driven self-attention without softmax (SDSA-3 of V2, the linear attention of V3).

    .. math::
        s = \mathrm{SN}(x), \quad q, k, v = \mathrm{SN}(P_{q,k,v}(s)), \quad
        y = P_o(\mathrm{SN}(q (k^\top v) \cdot \mathrm{scale}))

    Args:
        channels: channels d of input and output.
        num_heads: heads; the channels are split contiguously.
        scale: factor of the product.
        value_ratio: the value has ``value_ratio * channels`` channels (lambda of V3).
        projection: ``'rep_conv'`` (V2) or ``'conv'``, a 1x1 convolution (V3); each with a norm.
        order: ``'linear'`` computes ``q (k^T v)``, linear in the number of tokens;
            ``'quadratic'`` computes ``(q k^T) v``, the same function.
        neuron_cfg: the neuron.
        attn_neuron_cfg: the neuron after the product; None means ``neuron_cfg``.
        norm_cfg: the norm.
        init_cfg: initialisation of mmengine.
    """

    def __init__(
        self,
        channels: int,
        num_heads: int,
        scale: float,
        value_ratio: int = 1,
        projection: str = 'conv',
        order: str = 'linear',
        *,
        neuron_cfg: dict,
        attn_neuron_cfg: dict | None = None,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_attention(channels, num_heads, order)
        if projection not in PROJECTIONS:
            raise ValueError(f'projection={projection!r}, expected one of {PROJECTIONS}')
        self.num_heads = num_heads
        self.product = AttentionProduct(scale, order)
        layer = SpikeConv if projection == 'conv' else SpikeRepConv
        v_channels = value_ratio * channels
        self.neuron = build_neuron(neuron_cfg)
        self.q_conv = layer(channels, channels, neuron_cfg=None, norm_cfg=norm_cfg)
        self.k_conv = layer(channels, channels, neuron_cfg=None, norm_cfg=norm_cfg)
        self.v_conv = layer(channels, v_channels, neuron_cfg=None, norm_cfg=norm_cfg)
        self.q_neuron = build_neuron(neuron_cfg)
        self.k_neuron = build_neuron(neuron_cfg)
        self.v_neuron = build_neuron(neuron_cfg)
        self.out_proj = layer(
            v_channels, channels, neuron_cfg=attn_neuron_cfg or neuron_cfg, norm_cfg=norm_cfg
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        s = self.neuron(x)
        q = split_heads(self.q_neuron(self.q_conv(s)), self.num_heads)
        k = split_heads(self.k_neuron(self.k_conv(s)), self.num_heads)
        v = split_heads(self.v_neuron(self.v_conv(s)), self.num_heads)
        return self.out_proj(merge_heads(self.product(q, k, v), like=x))


class SpikeMultiheadAttention(BaseModule):
    r"""Spike-driven attention of queries to tokens: SDCA, and SDSA where both are the same.

    .. math::
        q, k, v = \mathrm{SN}(\mathrm{BN}(W_{q,k,v} \, \mathrm{SN}(x_{q,k,v}))), \quad
        y = \mathrm{BN}(W_o \, \mathrm{SN}(q k^\top v / \sqrt{d}))

    There is no softmax; d is the whole width, not a head's. Sets of tokens are maps of any height
    and width.

    Args:
        channels: width d of queries, keys and values.
        num_heads: heads; the channels are split contiguously.
        order: as in :class:`SpikeSelfAttention`; a mask needs the quadratic one.
        neuron_cfg: the neuron.
        norm_cfg: the norm.
        init_cfg: initialisation of mmengine.
    """

    def __init__(
        self,
        channels: int,
        num_heads: int = 8,
        order: str = 'linear',
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_attention(channels, num_heads, order)
        self.num_heads = num_heads
        self.product = AttentionProduct(channels**-0.5, order)
        cfg: dict[str, Any] = dict(bias=True, neuron_cfg=neuron_cfg, norm_cfg=norm_cfg)
        self.q_proj = SpikeConv(channels, channels, **cfg)
        self.k_proj = SpikeConv(channels, channels, **cfg)
        self.v_proj = SpikeConv(channels, channels, **cfg)
        self.q_neuron = build_neuron(neuron_cfg)
        self.k_neuron = build_neuron(neuron_cfg)
        self.v_neuron = build_neuron(neuron_cfg)
        self.out_proj = SpikeConv(channels, channels, **cfg)

    def forward(
        self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
    ) -> Tensor:
        """Attends.

        Args:
            query: ``[T, B, C, H, W]``.
            key: ``[T, B, C, h, w]``.
            value: ``[T, B, C, h, w]``.
            mask: which tokens a query sees, ``[T*B, 1 or heads, h*w, H*W]``, booleans; None: all.

        Returns:
            ``[T, B, C, H, W]``.
        """
        q = split_heads(self.q_neuron(self.q_proj(query)), self.num_heads)
        k = split_heads(self.k_neuron(self.k_proj(key)), self.num_heads)
        v = split_heads(self.v_neuron(self.v_proj(value)), self.num_heads)
        return self.out_proj(merge_heads(self.product(q, k, v, mask), like=query))


def check_attention(channels: int, num_heads: int, order: str) -> None:
    """Refuses what no attention can be built from.

    Args:
        channels: width.
        num_heads: heads.
        order: order of the products.

    Raises:
        ValueError: a value does not fit.
    """
    if channels % num_heads:
        raise ValueError(f'num_heads={num_heads}, expected a divisor of {channels} channels')
    if order not in ORDERS:
        raise ValueError(f'order={order!r}, expected one of {ORDERS}')


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """``[T, B, C, H, W] -> [T*B, heads, C/heads, N]``."""
    return fold_time(x).flatten(2).unflatten(1, (num_heads, -1))


def merge_heads(x: Tensor, like: Tensor) -> Tensor:
    """``[T*B, heads, d_v, N] -> [T, B, heads*d_v, H, W]``, time and places those of ``like``."""
    return unfold_time(x.flatten(1, 2).unflatten(2, like.shape[-2:]), like.size(0))


def attend(
    q: Tensor, k: Tensor, v: Tensor, scale: float, order: str, mask: Tensor | None = None
) -> Tensor:
    """Products of the heads, without softmax.

    They add up to N spikes, more than half precision can count: float32 at least.

    Args:
        q: ``[T*B, heads, d, N_q]``.
        k: ``[T*B, heads, d, N]``.
        v: ``[T*B, heads, d_v, N]``.
        scale: factor of the product.
        order: ``'linear'`` or ``'quadratic'``.
        mask: in quadratic order, the tokens that count, ``[T*B, 1 or heads, N, N_q]``.

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
    """The product; a deployed model, whose scale is 1, does not multiply."""
    return x if scale == 1 else x * scale
