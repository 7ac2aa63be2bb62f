"""Spike-driven deformable transformer encoder (SDTE)."""

from typing import Any

from torch import Tensor, nn

from spikedense.utils.answers import Unfoldable

from ..layers import (
    ChannelMLP,
    SpikeBlock,
    SpikeSelfAttention,
    SpikeSeparableConv,
    build_mixer,
    sine_positions,
    tokens_as_map,
)
from ..layers.mixers.build import merged_cfg


class LegacyChannelMLP(ChannelMLP):
    """The channel MLP as released: its channels-first output is taken for a channels-last one."""

    def out_layer(self) -> nn.Module:
        """Refuse: channels and places are mixed behind the last layer."""
        raise Unfoldable('its branch does not end in a layer of the same channels')

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        return tokens_as_map(super().forward(x))


class SDTELayer(SpikeBlock):
    r"""Layer of the spike-driven deformable transformer encoder (SDTE).

    .. math::
        x &\leftarrow x + \gamma_1 \, \mathrm{ESC}(x) \\
        x &\leftarrow x + \gamma_2 \, \mathrm{SDDA}(x) \\
        x &\leftarrow x + \gamma_3 \, \mathrm{MLP}(x)

    Args:
        channels: channels.
        mlp_ratio: widening of the MLP.
        kernel_size: side of the first branch's depth-wise kernel.
        layer_scale: start value of the learnable scales.
        attn_cfg: further arguments of :class:`SpikeDrivenDeformableAttention`.
        legacy_layout: whether to mix channels and places as the released code does.
        neuron_cfg: the neuron.
        norm_cfg: the norm.
        init_cfg: initialisation of mmengine.
    """

    def __init__(
        self,
        channels: int,
        mlp_ratio: int = 4,
        kernel_size: int = 3,
        layer_scale: float = 1e-6,
        attn_cfg: dict | None = None,
        legacy_layout: bool = False,
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        cfg: dict[str, Any] = dict(neuron_cfg=neuron_cfg, norm_cfg=norm_cfg)
        mlp = LegacyChannelMLP if legacy_layout else ChannelMLP
        layout = dict(legacy_layout=True) if legacy_layout else {}
        default = dict(type='SpikeDrivenDeformableAttention', **layout)
        branches: dict[str, nn.Module] = dict(
            conv=SpikeSeparableConv(channels, kernel_size, **cfg),
            attn=build_mixer(merged_cfg(attn_cfg or {}, default), channels, **cfg),
            mlp=mlp(channels, mlp_ratio, **cfg),
        )
        super().__init__(channels, branches, layer_scale=layer_scale, init_cfg=init_cfg)


class SpikeEncoderLayer(SpikeBlock):
    r"""Plain spiking encoder layer: spike-driven self-attention, then the channel MLP.

    The paper's "vanilla transformer encoder", against which it holds :class:`SDTELayer`. Sine
    positions are added to what the attention reads.

    Args:
        channels: channels.
        num_heads: heads of the attention.
        mlp_ratio: widening of the MLP.
        neuron_cfg: the neuron.
        norm_cfg: the norm.
        init_cfg: initialisation of mmengine.
    """

    def __init__(
        self,
        channels: int,
        num_heads: int = 8,
        mlp_ratio: int = 4,
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        cfg: dict[str, Any] = dict(neuron_cfg=neuron_cfg, norm_cfg=norm_cfg)
        branches: dict[str, nn.Module] = dict(
            attn=PositionedSelfAttention(channels, num_heads, channels**-0.5, **cfg),
            mlp=ChannelMLP(channels, mlp_ratio, **cfg),
        )
        super().__init__(channels, branches, init_cfg=init_cfg)


class PositionedSelfAttention(SpikeSelfAttention):
    """Self-attention on membranes to which sine positions are added."""

    # The positions are added in front of the attention: what stands behind its product is the same.
    out_layer = SpikeSelfAttention.out_layer
    fold_scales = SpikeSelfAttention.fold_scales
    absorb = SpikeSelfAttention.absorb

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        return super().forward(x + sine_positions(x))
