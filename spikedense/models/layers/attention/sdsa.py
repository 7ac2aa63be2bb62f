"""The attention of Spike-driven Transformer V1."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from spikedense.neurons import build_neuron
from spikedense.registry import MODELS

from ..spike_conv import SpikeConv
from ..spike_product import SpikeProduct
from .gated import GatedAttention
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
        self.product = SpikeProduct()

    def masked_and_counted(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """Return the queries, and keys times values."""
        q, k, v = (self.heads_of(name, s) for name in 'qkv')
        return q, self.product(k, v)

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
        is no scale.

        Args:
            x: Input of the attention, ``[T, B, C, H, W]``.

        Returns:
            A function from a slice of n queries to scores ``[T*B, heads, n, N]``.
        """
        s = self.neuron(x)
        q, k = self.heads_of('q', s), self.heads_of('k', s)
        return lambda queries: q[..., queries].transpose(-2, -1) @ k
