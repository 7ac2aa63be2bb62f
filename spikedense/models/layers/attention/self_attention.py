"""Spike-driven self-attention of the backbones."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from spikedense.neurons import build_neuron
from spikedense.registry import MODELS

from ..entry_neuron import entry_neuron
from ..rep_conv import SpikeRepConv
from ..spike_conv import SpikeConv
from ..stacked_conv import SpikeStackedConv
from .heads import check_heads, merge_heads, split_heads
from .memory import REAL_BITS, AttentionMemory, spike_bits
from .product import AttentionProduct, ProductAttention

PROJECTIONS = ('conv', 'rep_conv', 'stacked_conv')


@MODELS.register_module()
class SpikeSelfAttention(ProductAttention):
    r"""Spike-driven self-attention without softmax (SDSA-3 of V2, the linear attention of V3).

    .. math::
        s = \mathrm{SN}(x), \quad q, k, v = \mathrm{SN}(P_{q,k,v}(s)), \quad
        y = P_o(\mathrm{SN}(q (k^\top v) \cdot \mathrm{scale}))

    Args:
        channels: Channels d of input and output.
        num_heads: Number of heads; a head gets contiguous channels.
        scale: Factor of the product; None means ``head_dim ** -0.5``.
        value_ratio: The value has ``value_ratio * channels`` channels (lambda of V3).
        projection: ``'rep_conv'`` (V2), ``'conv'``, a 1x1 convolution (V3), or ``'stacked_conv'``,
            two 1x1 convolutions with 1.5 times the input's channels between them and three norms
            (the large models of V3). Each has a norm.
        order: See :class:`AttentionProduct`.
        attn_neuron_cfg: The neuron behind the product; None means ``neuron_cfg``.
        qkv_bias, proj_bias: Whether the first three projections and the last one have a bias, see
            :class:`SpikeConv`; a ``'rep_conv'`` and a ``'stacked_conv'`` have none.
        reads_spikes: Whether the input is spikes, as in :class:`SpikeSumBlock`; then there is no
            neuron at the entry.
    """

    def __init__(
        self,
        channels: int,
        num_heads: int,
        scale: float | None = None,
        value_ratio: int = 1,
        projection: str = 'conv',
        order: str = 'linear',
        *,
        neuron_cfg: dict,
        attn_neuron_cfg: dict | None = None,
        norm_cfg: dict,
        qkv_bias: bool | str = 'auto',
        proj_bias: bool | str = 'auto',
        reads_spikes: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_heads(channels, num_heads)
        if projection not in PROJECTIONS:
            raise ValueError(f'projection={projection!r}, expected one of {PROJECTIONS}')
        if not isinstance(value_ratio, int) or value_ratio < 1:
            raise ValueError(f'value_ratio={value_ratio!r}, expected an integer of at least 1')
        self.num_heads = num_heads
        if scale is not None and not (isinstance(scale, int | float) and scale > 0):
            raise ValueError(f'scale={scale!r}, expected a number above 0, or None')
        scale = (channels // num_heads) ** -0.5 if scale is None else scale
        self.product = AttentionProduct(scale, order)
        if projection != 'conv' and True in (qkv_bias, proj_bias):
            raise ValueError(
                f'qkv_bias={qkv_bias!r}, proj_bias={proj_bias!r}, expected no bias with '
                f'projection={projection!r}'
            )
        v_channels = value_ratio * channels
        self.channels, self.v_channels = channels, v_channels

        def layer(to: int, bias: bool | str, of: int = channels, neuron: Any = None) -> Any:
            if projection == 'rep_conv':
                return SpikeRepConv(of, to, neuron, norm_cfg)
            if projection == 'stacked_conv':
                return SpikeStackedConv(of, to, of * 3 // 2, neuron, norm_cfg, num_norms=2)
            return SpikeConv(of, to, bias=bias, neuron_cfg=neuron, norm_cfg=norm_cfg)

        self.neuron = entry_neuron(neuron_cfg, reads_spikes)
        self.q_conv = layer(channels, qkv_bias)
        self.k_conv = layer(channels, qkv_bias)
        self.v_conv = layer(v_channels, qkv_bias)
        self.q_neuron = build_neuron(neuron_cfg)
        self.k_neuron = build_neuron(neuron_cfg)
        self.v_neuron = build_neuron(neuron_cfg)
        self.out_proj = layer(channels, proj_bias, v_channels, attn_neuron_cfg or neuron_cfg)

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        s = self.neuron(x)
        q = split_heads(self.q_neuron(self.q_conv(s)), self.num_heads)
        k = split_heads(self.k_neuron(self.k_conv(s)), self.num_heads)
        v = split_heads(self.v_neuron(self.v_conv(s)), self.num_heads)
        return self.out_proj(merge_heads(self.product(q, k, v), like=x))

    def attention_memory(self, height: int, width: int) -> AttentionMemory:
        """Return the memory at inference: ``k^T v`` of each head, and the queries."""
        tokens = height * width
        sizes = {'q': self.channels, 'k': self.channels, 'v': self.v_channels}
        bits = {
            name: tokens * size * spike_bits(getattr(self, f'{name}_neuron').D)
            for name, size in sizes.items()
        }
        state = self.v_channels * (self.channels // self.num_heads) * REAL_BITS
        return AttentionMemory(state, queries=bits['q'], tokens=sum(bits.values()))

    def token_scores(self, x: Tensor) -> Callable[[slice], Tensor]:
        r"""Return a function that computes how much each token contributes to each query.

        The scores are :math:`\mathrm{scale} \cdot q k^\top`, the weights of the values in the
        input of the neuron behind the product.

        Args:
            x: Input of the attention, ``[T, B, C, H, W]``.

        Returns:
            A function from a slice of n queries to scores ``[T*B, heads, n, N]``.
        """
        s = self.neuron(x)
        q = split_heads(self.q_neuron(self.q_conv(s)), self.num_heads)
        k = split_heads(self.k_neuron(self.k_conv(s)), self.num_heads)
        return lambda queries: q[..., queries].transpose(-2, -1) @ k * self.product.scale
