"""The attentions by queries and keys of QKFormer."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from spikedense.registry import MODELS

from .gated import GatedAttention, check_scale
from .heads import check_heads
from .memory import REAL_BITS, AttentionMemory, spike_bits


class QKAttention(GatedAttention):
    """Base class of the two attentions of QKFormer: the queries make a gate for the keys."""

    def masked_and_counted(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """Return the keys and the queries."""
        return self.heads_of('k', s), self.heads_of('q', s)

    def _memory(self, height: int, width: int, sums: int, kept: bool) -> AttentionMemory:
        """Return the memory at inference for a number of sums, with or without the masked keys."""
        elements = self.channels * height * width
        q_bits, k_bits = spike_bits(self.q_neuron.D), spike_bits(self.k_neuron.D)
        return AttentionMemory(
            state=sums * REAL_BITS,
            queries=elements * k_bits if kept else 0,
            tokens=elements * (q_bits + k_bits),
        )


@MODELS.register_module()
class QKTokenAttention(QKAttention):
    r"""QK token attention (QKFormer, NeurIPS 2024): the gate opens for whole tokens.

    .. math::
        s = \mathrm{SN}(x), \quad q, k = \mathrm{SN}(P_{q,k}(s)), \quad
        y = P_o\bigl(k \odot \mathrm{SN}_g(\mathrm{scale} \cdot \textstyle\sum_c q_c)\bigr)

    The sum over the channels c of a head gives one gate for each head and token, so tokens do not
    exchange anything.

    Args:
        channels: Channels of input and output.
        num_heads: Number of heads; a head gets contiguous channels.
        scale: Factor of the sum; 1 in the published networks.
        average: Whether the sum is divided by the number of channels of a head, so that the same
            ``scale`` suits all widths. Integer neurons need it: see :class:`GatedAttention`.
        **kwargs: Other arguments of :class:`GatedAttention`.
    """

    counted_axis = -2

    def __init__(
        self,
        channels: int,
        num_heads: int,
        scale: float = 1.0,
        *,
        average: bool = False,
        **kwargs: Any,
    ) -> None:
        check_heads(channels, num_heads)
        if average:
            scale = check_scale(scale) / (channels // num_heads)
        super().__init__(channels, num_heads, scale, **kwargs)

    def attention_memory(self, height: int, width: int) -> AttentionMemory:
        """Return the memory at inference: nothing is kept from token to token."""
        return self._memory(height, width, sums=0, kept=False)

    def token_scores(self, x: Tensor) -> Callable[[slice], Tensor]:
        """Return a function that computes how much each token contributes to each query.

        A token sees itself only: the score is the gate of the token, and 0 for all other tokens.

        Args:
            x: Input of the attention, ``[T, B, C, H, W]``.

        Returns:
            A function from a slice of n queries to scores ``[T*B, heads, n, N]``.
        """
        gate = self.gate(self.heads_of('q', self.neuron(x)), len(x))  # [T*B, heads, 1, N]
        identity = torch.eye(gate.size(-1), dtype=gate.dtype, device=gate.device)
        return lambda queries: identity[queries] * gate


@MODELS.register_module()
class QKChannelAttention(QKAttention):
    r"""QK channel attention (QKFormer, NeurIPS 2024): the gate opens for whole channels.

    .. math::
        s = \mathrm{SN}(x), \quad q, k = \mathrm{SN}(P_{q,k}(s)), \quad
        y = P_o\bigl(k \odot \mathrm{SN}_g(\mathrm{scale} \cdot \textstyle\sum_n q_n)\bigr)

    The sum over the tokens n gives one gate for each channel. The heads change the result of
    :meth:`token_scores` only.

    Args:
        channels: Channels of input and output.
        num_heads: Number of heads; a head gets contiguous channels.
        **kwargs: Other arguments of :class:`GatedAttention`.
    """

    counted_axis = -1

    def attention_memory(self, height: int, width: int) -> AttentionMemory:
        """Return the memory at inference: a sum for each channel, and the keys."""
        return self._memory(height, width, sums=self.channels, kept=True)

    def token_scores(self, x: Tensor) -> Callable[[slice], Tensor]:
        r"""Return a function that computes how much each token contributes to each query.

        The keys stand in the place of the queries: the score of token j for token n is
        :math:`\sum_c q_j[c] k_n[c]` over the channels c of a head.

        Args:
            x: Input of the attention, ``[T, B, C, H, W]``.

        Returns:
            A function from a slice of n tokens to scores ``[T*B, heads, n, N]``.
        """
        s = self.neuron(x)
        q, k = self.heads_of('q', s), self.heads_of('k', s)
        return lambda tokens: k[..., tokens].transpose(-2, -1) @ q
