"""Spike-driven Transformer V3."""

from typing import Any, ClassVar

from spikedense.registry import MODELS

from ..layers import MixerCfg, Shortcut
from .pyramid import NUM_CONV_STAGES, SpikeDrivenPyramid


@MODELS.register_module()
class SDTV3(SpikeDrivenPyramid):
    """E-SpikeFormer, the backbone of Spike-driven Transformer V3 (TPAMI 2025), base models.

    Convolution blocks have an efficient spiking convolution (ESC, 7x7) and two full 3x3
    convolutions. Transformer blocks have an ESC (3x3), an attention with 1x1 projections and a
    value of four times the channels, and an MLP. The attention scale is ``2 * head_dim ** -0.5``.

    Args:
        arch: ``'2.7M'``, ``'5M'``, ``'10M'``, ``'19M'`` or a dict.
        value_ratio: Ratio of the value's channels to the channels of a block (lambda); None means
            4.
        **kwargs: Other arguments of :class:`SpikeDrivenPyramid`. The segmentation models of the
            official repository use ``layer_scale=1e-6``.
    """

    paper = '[Spike-driven Transformer V3](https://arxiv.org/abs/2411.16061), TPAMI 2025'
    arch_zoo: ClassVar[dict[str, dict[str, Any]]] = {
        '2.7M': dict(embed_dims=(24, 48, 96, 128)),
        '5M': dict(embed_dims=(32, 64, 128, 192)),
        '10M': dict(embed_dims=(48, 96, 192, 240)),
        '19M': dict(embed_dims=(64, 128, 256, 360)),
    }

    def __init__(
        self, arch: str | dict[str, Any] = '19M', value_ratio: int | None = None, **kwargs: Any
    ) -> None:
        self.shortcuts = (Shortcut('value_ratio', value_ratio, 'attn_cfg', 'value_ratio'),)
        self._value_ratio = 4 if value_ratio is None else value_ratio
        super().__init__(arch, **kwargs)

    def default_mixers(self) -> dict[str, list[MixerCfg]]:
        """See :class:`SpikeDrivenPyramid`."""
        conv: MixerCfg = dict(type='ChannelConv', ratio=self.mlp_ratio)
        mlp: MixerCfg = dict(type='ChannelMLP', ratio=self.mlp_ratio)
        wide: MixerCfg = dict(type='SpikeSeparableConv', kernel_size=7)
        narrow: MixerCfg = dict(type='SpikeSeparableConv', kernel_size=3)
        none: list[MixerCfg] = [None] * NUM_CONV_STAGES
        attentions = [self._attention(width) for width in self._stage_channels[NUM_CONV_STAGES:]]
        return dict(
            token_mixer=[wide] * 3 + [narrow] * 2,
            attn_cfg=[*none, *attentions],
            channel_mixer=[conv] * 3 + [mlp] * 2,
        )

    def _attention(self, channels: int) -> MixerCfg:
        return dict(
            type='SpikeSelfAttention',
            scale=2 * (channels // self.num_heads) ** -0.5,
            value_ratio=self._value_ratio,
        )
