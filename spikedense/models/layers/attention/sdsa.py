"""The attention of Spike-driven Transformer V1."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from spikedense.neurons import build_neuron
from spikedense.registry import MODELS

from ..spike_conv import SpikeConv
from ..spike_pool import SpikeMaxPool
from ..spike_product import PooledSpikeProduct, SpikeProduct
from .gated import GatedAttention
from .heads import merge_heads, split_heads
from .memory import REAL_BITS, AttentionMemory, spike_bits


@MODELS.register_module()
class SpikeDrivenSelfAttention(GatedAttention):
    r"""SDSA-1, the attention of Spike-driven Transformer (NeurIPS 2023): masks and additions only.

    .. math::
        s = \mathrm{SN}(x), \quad q, k, v = \mathrm{SN}(P_{q,k,v}(s)), \quad
        y = P_o\bigl(q \odot
            \mathrm{SN}_g(\mathrm{scale} \cdot \textstyle\sum_n k_n \odot v_n)\bigr)

    The sum over the tokens n gives one gate for each channel. The heads change the result of
    :meth:`token_scores` only.

    Args:
        channels: Channels of input and output.
        num_heads: Number of heads; a head gets contiguous channels.
        max_pool: Whether 3x3 max poolings of stride 1 follow keys and values (as maps), their
            product and the masked queries (over channels of a head and tokens), as in the published
            models for event cameras.
        scale, qkv_bias, proj_bias, gate_neuron_cfg, reads_spikes: See :class:`GatedAttention`.
    """

    counted_axis = -1

    def __init__(
        self,
        channels: int,
        num_heads: int,
        scale: float = 1.0,
        qkv_bias: bool = False,
        proj_bias: bool = True,
        max_pool: bool = False,
        *,
        neuron_cfg: dict,
        gate_neuron_cfg: dict | None = None,
        norm_cfg: dict,
        **kwargs: Any,
    ) -> None:
        cfg: dict[str, Any] = dict(neuron_cfg=neuron_cfg, norm_cfg=norm_cfg, **kwargs)
        super().__init__(
            channels, num_heads, scale, qkv_bias, proj_bias, gate_neuron_cfg=gate_neuron_cfg, **cfg
        )
        self.v_conv = SpikeConv(channels, channels, bias=qkv_bias, norm_cfg=norm_cfg)
        self.v_neuron: Any = build_neuron(neuron_cfg)
        self.product = PooledSpikeProduct() if max_pool else SpikeProduct()
        self.pool = SpikeMaxPool(3, stride=1) if max_pool else None
        if max_pool:
            self.mask = PooledSpikeProduct()

    def masked_and_counted(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """Return the queries, and keys times values."""
        q, k, v = (self.heads_of(name, s) for name in 'qkv')
        return q, self.product(self._pooled(k, like=s), self._pooled(v, like=s))

    def _pooled(self, x: Tensor, like: Tensor) -> Tensor:
        """Pool the map of keys or values, ``[T*B, heads, C/heads, N]``, if there is a pooling."""
        if self.pool is None:
            return x
        return split_heads(self.pool(merge_heads(x, like)), self.num_heads)

    def attention_memory(self, height: int, width: int) -> AttentionMemory:
        """Return the memory at inference: a sum for each channel, and the queries."""
        elements = self.channels * height * width
        bits = [spike_bits(neuron.D) for neuron in (self.q_neuron, self.k_neuron, self.v_neuron)]
        return AttentionMemory(
            state=self.channels * REAL_BITS, queries=elements * bits[0], tokens=elements * sum(bits)
        )

    def token_scores(self, x: Tensor) -> Callable[[slice], Tensor]:
        r"""Return a function that computes how much each token contributes to each query.

        The score of token j for query n is :math:`\sum_c q_n[c] k_j[c]` over the channels c of a
        head: the share of the token in the sum behind the gate, where the query lets it pass. There
        is no scale, and no pooling of the product.

        Args:
            x: Input of the attention, ``[T, B, C, H, W]``.

        Returns:
            A function from a slice of n queries to scores ``[T*B, heads, n, N]``.
        """
        s = self.neuron(x)
        q, k = self.heads_of('q', s), self._pooled(self.heads_of('k', s), like=s)
        return lambda queries: q[..., queries].transpose(-2, -1) @ k
