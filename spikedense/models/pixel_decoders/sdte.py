"""Spike-driven deformable transformer encoder (SDTE)."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from spikedense.registry import MODELS
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
    """The channel MLP as released, which reads its channels-first output as channels-last."""

    def out_layer(self) -> nn.Module:
        """Refuse: channels and places are mixed behind the last layer."""
        raise Unfoldable('its branch does not end in a layer of the same channels')

    def forward(self, x: Tensor) -> Tensor:
        """Run the MLP, ``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        return tokens_as_map(super().forward(x))


class SDTELayer(SpikeBlock):
    r"""Layer of the spike-driven deformable transformer encoder (SDTE).

    .. math::
        x &\leftarrow x + \gamma_1 \, \mathrm{ESC}(x) \\
        x &\leftarrow x + \gamma_2 \, \mathrm{SDDA}(x) \\
        x &\leftarrow x + \gamma_3 \, \mathrm{MLP}(x)

    Args:
        channels: Channels of input and output.
        mlp_ratio: Width of the MLP, as a multiple of the channels.
        kernel_size: Side of the depth-wise kernel in the first branch.
        layer_scale: Start value of the learnable scales.
        attn_cfg: Config of the attention; default ``SpikeDrivenDeformableAttention``.
        legacy_layout: Whether to mix channels and places as the released code does.
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

    This is the "vanilla transformer encoder" that the paper compares with :class:`SDTELayer`. Sine
    positions are added to the input of the attention.

    Args:
        channels: Channels of input and output.
        num_heads: Number of heads of the attention.
        mlp_ratio: Width of the MLP, as a multiple of the channels.
        attn_cfg: Further arguments of the attention, or another attention with its type.
    """

    def __init__(
        self,
        channels: int,
        num_heads: int = 8,
        mlp_ratio: int = 4,
        attn_cfg: dict | None = None,
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        cfg: dict[str, Any] = dict(neuron_cfg=neuron_cfg, norm_cfg=norm_cfg)
        default = dict(type='PositionedSelfAttention', num_heads=num_heads, scale=channels**-0.5)
        branches: dict[str, nn.Module] = dict(
            attn=build_mixer(merged_cfg(attn_cfg or {}, default), channels, **cfg),
            mlp=ChannelMLP(channels, mlp_ratio, **cfg),
        )
        super().__init__(channels, branches, init_cfg=init_cfg)


@MODELS.register_module()
class PositionedSelfAttention(SpikeSelfAttention):
    """Self-attention that adds sine positions to its input."""

    # Adding positions to the input does not change the layers behind the product.
    out_layer = SpikeSelfAttention.out_layer
    fold_scales = SpikeSelfAttention.fold_scales
    absorb = SpikeSelfAttention.absorb
    attention_memory = SpikeSelfAttention.attention_memory

    def forward(self, x: Tensor) -> Tensor:
        """Attend, ``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        return super().forward(x + sine_positions(x))

    def token_scores(self, x: Tensor) -> Callable[[slice], Tensor]:
        """See :class:`SpikeSelfAttention`; the positions are added to the input first."""
        return super().token_scores(x + sine_positions(x))
