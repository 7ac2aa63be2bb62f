"""Spikingformer."""

from typing import Any, ClassVar

from torch import nn

from spikedense.registry import MODELS

from ..layers import MixerCfg
from .transformer import SpikeTransformer, named_sequence, pooled_convolutions


@MODELS.register_module()
class Spikingformer(SpikeTransformer):
    """Spikingformer (2023): Spikformer with membrane shortcuts; one stage of stride 16.

    The stem has a 3x3 convolution with a norm, then four times a neuron, a 3x3 max pooling of its
    spikes of stride 2, and a convolution with a norm. The blocks add SSA and an MLP to the
    membrane.

    Args:
        arch: ``'8-384'``, ``'8-512'``, ``'8-768'`` (blocks, width) or a dict as
            ``dict(embed_dims=[384], depths=[8], num_heads=8)``.
        **kwargs: Other arguments of :class:`SpikeTransformer`, except ``strides``.
    """

    paper = 'Spikingformer, 2023'
    arch_zoo: ClassVar[dict[str, dict[str, Any]]] = {
        f'8-{width}': dict(embed_dims=(width,), depths=(8,)) for width in (384, 512, 768)
    }
    width_divisor = 8

    def __init__(self, arch: str | dict[str, Any] = '8-512', **kwargs: Any) -> None:
        super().__init__(arch, strides=(16,), **kwargs)

    def embedding(self, stage: int) -> nn.Module:
        """See :class:`SpikeTransformer`."""
        (width,) = self._stage_channels
        channels = (self.in_channels, width // 8, width // 4, width // 2, width, width)
        return named_sequence(**pooled_convolutions(channels, [True] * 4, **self.layer_cfg))

    def default_mixers(self) -> dict[str, list[MixerCfg]]:
        """See :class:`SpikeTransformer`."""
        return dict(
            token_mixer=[None],
            attn_cfg=[dict(type='SpikformerSelfAttention')],
            channel_mixer=[dict(type='ChannelMLP')],
        )
