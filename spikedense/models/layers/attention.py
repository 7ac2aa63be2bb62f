"""Spike-driven self-attention."""

import torch
from mmengine.model import BaseModule
from torch import Tensor

from spikedense.neurons import build_neuron

from .rep_conv import SpikeRepConv
from .spike_conv import SpikeConv
from .time import fold_time, unfold_time

PROJECTIONS = ('conv', 'rep_conv')
ORDERS = ('linear', 'quadratic')


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
        if channels % num_heads:
            raise ValueError(f'num_heads={num_heads}, expected a divisor of {channels} channels')
        if projection not in PROJECTIONS:
            raise ValueError(f'projection={projection!r}, expected one of {PROJECTIONS}')
        if order not in ORDERS:
            raise ValueError(f'order={order!r}, expected one of {ORDERS}')
        self.num_heads = num_heads
        self.scale = scale
        self.order = order
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
        q = self._heads(self.q_neuron(self.q_conv(s)))
        k = self._heads(self.k_neuron(self.k_conv(s)))
        v = self._heads(self.v_neuron(self.v_conv(s)))
        out = self._attend(q, k, v).flatten(1, 2)  # [T*B, C_v, N]
        out = unfold_time(out.unflatten(2, x.shape[-2:]), x.size(0))
        return self.out_proj(out)

    def _heads(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T*B, heads, C/heads, N]``."""
        return fold_time(x).flatten(2).unflatten(1, (self.num_heads, -1))

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Products of the heads, ``[T*B, heads, d_v, N]``.

        They add up to N spikes, more than half precision can count: float32 at least.
        """
        dtype = q.dtype
        with torch.autocast(q.device.type, enabled=False):
            if dtype in (torch.float16, torch.bfloat16):
                q, k, v = q.float(), k.float(), v.float()
            if self.order == 'linear':
                out = (v @ k.transpose(-2, -1) * self.scale) @ q
            else:
                out = v @ (k.transpose(-2, -1) @ q) * self.scale
        return out
