"""Transformers whose residual connections add up spikes."""

from spikedense.neurons import half_threshold

from ..layers import MixerCfg
from .transformer import SpikeTransformer


class SpikeSumTransformer(SpikeTransformer):
    """Stages of an embedding and of blocks ``x = x + SN(attn(x))``, ``x = x + SN(mlp(x))``.

    Embeddings end in spikes, so a map is a sum of spikes: integers up to the number of summands
    times D. The first layers of a mixer read these integers. The output of a stage is the sum as a
    membrane potential, which necks and heads read as that of any other backbone.

    The arguments are those of :class:`SpikeTransformer`.
    """

    sums_spikes = True

    def self_attention(self, qkv_bias: bool = False) -> MixerCfg:
        """Return the config of SSA, the attention of Spikformer.

        Its type is the base class of the attentions with a local term, so that these take over the
        arguments.

        Args:
            qkv_bias: Whether the projections of queries, keys and values have a bias.
        """
        return dict(
            type='SpikeSelfAttention',
            scale=0.125,
            attn_neuron_cfg=half_threshold(self.neuron_cfg),
            qkv_bias=qkv_bias,
            proj_bias=True,
        )
