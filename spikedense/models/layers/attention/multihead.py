"""Spike-driven attention of queries to tokens, for decoders."""

from typing import Any

from torch import Tensor

from spikedense.neurons import build_neuron

from ..spike_conv import SpikeConv
from .heads import check_heads, merge_heads, split_heads
from .product import AttentionProduct, ProductAttention


class SpikeMultiheadAttention(ProductAttention):
    r"""Spike-driven attention of queries to tokens: SDCA, or SDSA if the tokens are the queries.

    .. math::
        q, k, v = \mathrm{SN}(\mathrm{BN}(W_{q,k,v} \, \mathrm{SN}(x_{q,k,v}))), \quad
        y = \mathrm{BN}(W_o \, \mathrm{SN}(q k^\top v / \sqrt{d}))

    There is no softmax; d is the number of all channels, not of those of a head. Queries and tokens
    are maps of any height and width.

    Args:
        channels: Number of channels d of queries, keys and values.
        num_heads: Number of heads; a head gets contiguous channels.
        order: See :class:`AttentionProduct`.
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
        check_heads(channels, num_heads)
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
        """Attend.

        Args:
            query: ``[T, B, C, H, W]``.
            key: ``[T, B, C, h, w]``.
            value: ``[T, B, C, h, w]``.
            mask: True for each token that a query uses, ``[T*B, 1 or heads, h*w, H*W]``; None
                means all tokens.

        Returns:
            ``[T, B, C, H, W]``.
        """
        q = split_heads(self.q_neuron(self.q_proj(query)), self.num_heads)
        k = split_heads(self.k_neuron(self.k_proj(key)), self.num_heads)
        v = split_heads(self.v_neuron(self.v_proj(value)), self.num_heads)
        return self.out_proj(merge_heads(self.product(q, k, v, mask), like=query))
