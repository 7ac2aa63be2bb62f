"""Spike-driven Transformer V3."""

from typing import Any, ClassVar

from torch import nn

from spikedense.registry import MODELS

from ..layers import (
    ChannelConv,
    ChannelMLP,
    SpikeConvBlock,
    SpikeSelfAttention,
    SpikeSeparableConv,
    SpikeTransformerBlock,
)
from .base import SpikeDrivenBackbone


@MODELS.register_module()
class SDTV3(SpikeDrivenBackbone):
    """E-SpikeFormer, the backbone of Spike-driven Transformer V3 (TPAMI 2025), base models.

    Convolution blocks with the efficient spiking convolution (ESC, 7x7) and two full 3x3
    convolutions; transformer blocks of an ESC (3x3), attention with 1x1 projections and a value
    widened four times, and an MLP. The attention scale is ``2 * head_dim ** -0.5``.

    Args:
        arch: ``'2.7M'``, ``'5M'``, ``'10M'``, ``'19M'`` or a dict.
        neuron_cfg: default ``dict(type='NILIF', D=4)``.
        value_ratio: widening of the value (lambda).
        **kwargs: those of :class:`SpikeDrivenBackbone`; the segmentation models of the paper's
            repository use ``layer_scale=1e-6``.
    """

    arch_zoo: ClassVar[dict[str, dict[str, Any]]] = {
        '2.7M': dict(embed_dims=(24, 48, 96, 128)),
        '5M': dict(embed_dims=(32, 64, 128, 192)),
        '10M': dict(embed_dims=(48, 96, 192, 240)),
        '19M': dict(embed_dims=(64, 128, 256, 360)),
    }

    def __init__(self, arch: str | dict[str, Any] = '19M', value_ratio: int = 4, **kwargs) -> None:
        if not isinstance(value_ratio, int) or value_ratio < 1:
            raise ValueError(f'value_ratio={value_ratio!r}, expected an integer of at least 1')
        self.value_ratio = value_ratio
        super().__init__(arch, **kwargs)

    def conv_block(self, channels: int, drop_path: float) -> nn.Module:
        """See :class:`SpikeDrivenBackbone`."""
        cfg: dict[str, Any] = dict(neuron_cfg=self.neuron_cfg, norm_cfg=self.norm_cfg)
        return SpikeConvBlock(
            channels,
            SpikeSeparableConv(channels, 7, **cfg),
            ChannelConv(channels, self.mlp_ratio, **cfg),
            drop_path=drop_path,
        )

    def transformer_block(self, channels: int, drop_path: float) -> nn.Module:
        """See :class:`SpikeDrivenBackbone`."""
        cfg: dict[str, Any] = dict(neuron_cfg=self.neuron_cfg, norm_cfg=self.norm_cfg)
        attn = SpikeSelfAttention(
            channels,
            self.num_heads,
            2 * (channels // self.num_heads) ** -0.5,
            value_ratio=self.value_ratio,
            **cfg,
        )
        return SpikeTransformerBlock(
            channels,
            attn,
            ChannelMLP(channels, self.mlp_ratio, **cfg),
            conv=SpikeSeparableConv(channels, 3, **cfg),
            drop_path=drop_path,
            layer_scale=self.layer_scale,
        )
