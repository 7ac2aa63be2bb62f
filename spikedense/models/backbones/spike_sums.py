"""Transformers whose residual connections add up spikes."""

from typing import Any

from torch import nn

from spikedense.neurons import half_threshold

from ..layers import MixerCfg, SpikeSumBlock
from ..layers.mixers.build import with_argument
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

    def _mixer(self, cfg: dict[str, Any], width: int) -> nn.Module:
        cfg = with_argument(cfg, 'reads_spikes', True) or {}
        mixer = super()._mixer(cfg, width)
        if 'reads_spikes' not in cfg:
            raise ValueError(
                f'{type(self).__name__}: {type(mixer).__name__} begins with a neuron, expected a '
                'mixer that takes reads_spikes: its input is a sum of spikes'
            )
        return mixer

    def block(self, stage: int, mixers: dict[str, MixerCfg], drop_path: float) -> nn.Module:
        """See :class:`SpikeTransformer`."""
        branches = self._branches(stage, mixers)
        return SpikeSumBlock(branches, drop_path, neuron_cfg=self.neuron_cfg)
