"""An attention that tells its weights and its memory, for the tests of the analysis."""

from collections.abc import Callable

from torch import Tensor

from spikedense.models.layers import SpikeSelfAttention
from spikedense.models.layers.attention import AttentionMemory, spike_bits
from spikedense.models.layers.attention.heads import split_heads
from spikedense.registry import MODELS


@MODELS.register_module()
class ScoredSelfAttention(SpikeSelfAttention):
    """SDT V3's attention with answers about its weights and its memory."""

    def token_scores(self, x: Tensor) -> Callable[[slice], Tensor]:
        """The weights ``q k^T`` of a block of queries."""
        s = self.neuron(x)
        q = split_heads(self.q_neuron(self.q_conv(s)), self.num_heads).transpose(-2, -1)
        k = split_heads(self.k_neuron(self.k_conv(s)), self.num_heads)
        return lambda block: q[:, :, block] @ k

    def attention_memory(self, height: int, width: int) -> AttentionMemory:
        """The memory of ``k^T v`` and of the spikes."""
        tokens = height * width
        channels, values = self.q_conv.conv.out_channels, self.v_conv.conv.out_channels
        bits = spike_bits(self.neuron.D)
        return AttentionMemory(
            state=32 * channels * values // self.num_heads,
            queries=tokens * channels * bits,
            tokens=tokens * (2 * channels + values) * bits,
        )


@MODELS.register_module()
class UnscoredSelfAttention(ScoredSelfAttention):
    """Overrides ``forward``, so the inherited answers may be wrong."""

    def forward(self, x: Tensor) -> Tensor:
        """Nothing."""
        return x
