"""Transformers whose residual connections add up spikes."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from torch import nn

from spikedense.neurons import half_threshold

from ..layers import MixerCfg, Shortcut, SpikeSumBlock, build_mixer, per_stage
from ..layers.mixers.build import with_argument
from .base import SpikeBackbone


class SpikeSumTransformer(SpikeBackbone):
    """Stages of an embedding and of blocks ``x = x + SN(attn(x))``, ``x = x + SN(mlp(x))``.

    Embeddings end in spikes, so a map is a sum of spikes, integers up to the number of summands
    times D. The first layers of an attention or MLP read these integers. The output of a stage is
    the sum as a membrane potential, which necks and heads read as that of any other backbone.

    Args:
        channels: Channels of each stage.
        strides: Stride of each stage's output.
        depths: Number of blocks of each stage.
        num_heads: Number of heads of all attentions.
        attn_cfg: Attention: a config for all stages, or a list with an entry for each stage: a
            config, ``{}`` for the default, or None for no attention. A config without a type, or
            with the type of the default or of a subclass of it, changes arguments of the default.
        channel_mixer: Channel mixer, given in the same two ways.
        mlp_ratio: Ratio of hidden channels to channels in the channel mixers that have no ``ratio``
            of their own; None means 4.
        T: Number of time steps for an image.
        neuron_cfg: Neuron of all layers; None means ``dict(type='LIF')``, as published.
        **kwargs: Other arguments of :class:`SpikeBackbone`.
    """

    def __init__(
        self,
        channels: Sequence[int],
        strides: Sequence[int],
        depths: Sequence[int],
        num_heads: int,
        attn_cfg: dict[str, Any] | Sequence[MixerCfg] | None = None,
        channel_mixer: dict[str, Any] | Sequence[MixerCfg] | None = None,
        mlp_ratio: int | None = None,
        T: int = 4,
        neuron_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            channels, strides, T=T, neuron_cfg=neuron_cfg or dict(type='LIF'), **kwargs
        )
        self.num_heads = num_heads
        mlp: MixerCfg = dict(type='ChannelMLP')
        mixers = dict(
            attn=per_stage('attn_cfg', attn_cfg, self.default_attentions()),
            mlp=per_stage('channel_mixer', channel_mixer, [mlp] * len(channels)),
        )
        ratio = 4 if mlp_ratio is None else mlp_ratio
        mixers['mlp'] = [with_argument(mixer, 'ratio', ratio) for mixer in mixers['mlp']]
        shortcut = Shortcut('mlp_ratio', mlp_ratio, 'channel_mixer', 'ratio')
        shortcut.check(channel_mixer, mixers['mlp'])
        for i, rates in enumerate(self.drop_path_rates(depths)):
            of_stage = {name: mixers[name][i] for name in mixers}
            self.add_stage(
                self.embedding(i), [self._block(i, of_stage, rate) for rate in rates], spikes=True
            )

    @abstractmethod
    def embedding(self, stage: int) -> nn.Module:
        """Build the embedding of a stage, ``[T, B, C, H, W] -> [T, B, C', H', W']``.

        The first one reads the image, the others sums of spikes; all end in spikes.
        """

    @abstractmethod
    def default_attentions(self) -> list[MixerCfg]:
        """Return the default attention of each stage."""

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

    def _block(self, stage: int, mixers: dict[str, MixerCfg], rate: float) -> SpikeSumBlock:
        branches = {
            name: self._mixer(stage, cfg) for name, cfg in mixers.items() if cfg is not None
        }
        return SpikeSumBlock(branches, rate, neuron_cfg=self.neuron_cfg)

    def _mixer(self, stage: int, cfg: dict[str, Any]) -> nn.Module:
        cfg = with_argument(cfg, 'reads_spikes', True) or {}
        mixer = build_mixer(
            cfg, self._stage_channels[stage], num_heads=self.num_heads, **self.layer_cfg
        )
        if 'reads_spikes' not in cfg:
            raise ValueError(
                f'{type(self).__name__}: {type(mixer).__name__} begins with a neuron, expected a '
                'mixer that takes reads_spikes: its input is a sum of spikes'
            )
        return mixer
