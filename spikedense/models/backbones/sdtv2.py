"""Spike-driven Transformer V2."""

from typing import Any, ClassVar

from torch import nn

from spikedense.neurons import build_neuron
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
class SDTV2(SpikeDrivenBackbone):
    """Meta-SpikeFormer, the backbone of Spike-driven Transformer V2 (ICLR 2024).

    Convolution blocks with a separable convolution and two full 3x3 convolutions, transformer
    blocks whose projections are re-parameterised convolutions (RepConv).

    Two versions share one set of weights. With a threshold neuron (LIF, or any that tells its
    ``v_threshold``) the attention scale is 0.125 and the neuron after the attention product fires
    at half its threshold; with an integer neuron (NI-LIF, as in Spike2Former) the scale is
    ``head_dim ** -0.5`` and that neuron is as the others.

    Args:
        arch: ``'15M'``, ``'31M'``, ``'55M'``, ``'124M'`` or a dict.
        neuron_cfg: default ``dict(type='LIF')``.
        attn_scale: attention scale; None chooses by the neuron.
        attn_neuron_cfg: neuron after the attention product; None chooses by the neuron.
        **kwargs: those of :class:`SpikeDrivenBackbone`.
    """

    arch_zoo: ClassVar[dict[str, dict[str, Any]]] = {
        '15M': dict(embed_dims=(64, 128, 256, 360)),
        '31M': dict(embed_dims=(96, 192, 384, 480)),
        '55M': dict(embed_dims=(128, 256, 512, 640)),
        '124M': dict(embed_dims=(192, 384, 768, 960)),
    }

    def __init__(
        self,
        arch: str | dict[str, Any] = '15M',
        neuron_cfg: dict | None = None,
        attn_scale: float | None = None,
        attn_neuron_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        neuron_cfg = neuron_cfg or dict(type='LIF')
        # Asked of the neuron itself, for a config may name it by its class, or one of the user's.
        threshold = getattr(build_neuron(neuron_cfg), 'v_threshold', None)
        if threshold is not None:
            attn_neuron_cfg = attn_neuron_cfg or dict(neuron_cfg, v_threshold=threshold / 2)
            attn_scale = 0.125 if attn_scale is None else attn_scale
        self.attn_scale = attn_scale
        self.attn_neuron_cfg = attn_neuron_cfg
        super().__init__(arch, neuron_cfg=neuron_cfg, **kwargs)

    def conv_block(self, channels: int, drop_path: float) -> nn.Module:
        """See :class:`SpikeDrivenBackbone`."""
        cfg: dict[str, Any] = dict(neuron_cfg=self.neuron_cfg, norm_cfg=self.norm_cfg)
        return SpikeConvBlock(
            channels,
            SpikeSeparableConv(channels, 7, mid_neuron=False, **cfg),
            ChannelConv(channels, self.mlp_ratio, **cfg),
            drop_path=drop_path,
        )

    def transformer_block(self, channels: int, drop_path: float) -> nn.Module:
        """See :class:`SpikeDrivenBackbone`."""
        cfg: dict[str, Any] = dict(neuron_cfg=self.neuron_cfg, norm_cfg=self.norm_cfg)
        scale = (channels // self.num_heads) ** -0.5 if self.attn_scale is None else self.attn_scale
        attn = SpikeSelfAttention(
            channels,
            self.num_heads,
            scale,
            projection='rep_conv',
            attn_neuron_cfg=self.attn_neuron_cfg,
            **cfg,
        )
        return SpikeTransformerBlock(
            channels,
            attn,
            ChannelMLP(channels, self.mlp_ratio, **cfg),
            drop_path=drop_path,
            layer_scale=self.layer_scale,
        )
