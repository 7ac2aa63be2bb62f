"""Multi-scale deformable attention with spiking neurons: the directly converted encoder."""

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch
from mmengine.model import BaseModule, ModuleList, constant_init, xavier_init
from torch import Tensor, nn

from spikedense.neurons import build_neuron

from ..layers import ChannelMLP, SpikeConv, fold_time, sine_positions, unfold_time

#: Height and width of a map.
Size = tuple[int, int]


def pixel_centres(sizes: Sequence[Size], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return the centres of all pixels of several maps, as (x, y) in 0..1.

    Args:
        sizes: Sizes of the maps.
        dtype: Number format of the result.
        device: Device of the result.

    Returns:
        ``[N, 2]``, row by row and map by map; N is the number of all pixels.
    """
    like: dict[str, Any] = dict(dtype=dtype, device=device)
    centres = []
    for height, width in sizes:
        y = (torch.arange(height, **like) + 0.5) / height
        x = (torch.arange(width, **like) + 0.5) / width
        centres.append(torch.cartesian_prod(y, x).flip(-1))
    return torch.cat(centres)


class SpikeMultiScaleDeformableAttention(BaseModule):
    r"""Deformable DETR's attention over L maps with a neuron in front of each linear layer.

    .. math::
        v &= \mathrm{BN}(W_v \, \mathrm{SN}(x)), \qquad z = \mathrm{SN}(x + \mathrm{pos}) \\
        \Delta p &= W_\Delta z, \qquad A = \mathrm{softmax}_{l, k}(W_A z) \\
        y &= \mathrm{BN}\Bigl(W_o \, \mathrm{SN}\bigl(\sum_{l, k} A_{l, k}(p) \,
             v_l(p + \Delta p_{l, k}(p))\bigr)\Bigr)

    Tokens are the pixels of all maps. The places :math:`p` are pixel centres relative to the size
    of the map, so they are comparable between maps. Offsets are in pixels of the sampled map.
    Values between pixels are interpolated bilinearly; values outside of a map are 0. Offsets and
    weights have no norm, because a norm would remove the start value of the bias, a star of
    directions.

    Args:
        channels: Channels of input and output.
        num_levels: Number of maps L.
        num_heads: Number of heads. Each head has its own offsets and weights.
        num_points: Number of points that a head samples from each map.
    """

    def __init__(
        self,
        channels: int,
        num_levels: int,
        num_heads: int = 8,
        num_points: int = 4,
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if channels % num_heads:
            raise ValueError(f'num_heads={num_heads}, expected a divisor of {channels} channels')
        self.num_levels = num_levels
        self.num_heads = num_heads
        self.num_points = num_points
        samples = num_heads * num_levels * num_points
        cfg: dict[str, Any] = dict(neuron_cfg=neuron_cfg, norm_cfg=norm_cfg)
        self.value_proj = SpikeConv(channels, channels, **cfg)
        self.neuron = build_neuron(neuron_cfg)
        self.offset_conv = SpikeConv(channels, 2 * samples)
        self.weight_conv = SpikeConv(channels, samples)
        self.out_proj = SpikeConv(channels, channels, **cfg)

    def init_weights(self) -> None:
        """Start as Deformable DETR: equal weights, one direction per head, steps of one pixel."""
        super().init_weights()
        for layer in (self.value_proj, self.out_proj):
            xavier_init(layer.conv, distribution='uniform')
        for layer in (self.offset_conv, self.weight_conv):
            constant_init(layer.conv, 0)
        angles = torch.arange(self.num_heads) * (2 * math.pi / self.num_heads)
        directions = torch.stack([angles.cos(), angles.sin()], -1)
        directions = directions / directions.abs().amax(-1, keepdim=True)
        steps = torch.arange(1.0, self.num_points + 1)[:, None]
        star = directions[:, None, None] * steps  # [heads, 1, points, 2]
        with torch.no_grad():
            bias = cast(Tensor, self.offset_conv.conv.bias)
            bias.copy_(star.expand(self._layout(2)).flatten())

    def forward(self, x: Tensor, positions: Tensor, sizes: Sequence[Size]) -> Tensor:
        """Attend to all maps.

        Args:
            x: Tokens of all maps, ``[T, B, C, 1, N]``.
            positions: Added to the tokens from which offsets and weights are computed,
                ``[C, 1, N]``.
            sizes: Sizes of the L maps, in the order of the tokens.

        Returns:
            ``[T, B, C, 1, N]``.
        """
        z = self.neuron(x + positions)
        offset = _tokens_first(self.offset_conv(z)).unflatten(2, self._layout(2))
        weight = _tokens_first(self.weight_conv(z)).unflatten(2, self._layout())
        # Half precision cannot distinguish the pixels of a large map, so use at least float32.
        exact = torch.promote_types(x.dtype, torch.float32)
        centres = pixel_centres(sizes, exact, x.device)[:, None, None, None]
        extent = torch.tensor(sizes, dtype=exact, device=x.device).flip(-1)[:, None]
        value = _tokens_first(self.value_proj(x)).to(exact)
        y = multi_scale_deformable_attn_pytorch(
            value.unflatten(2, (self.num_heads, -1)),
            sizes,
            centres + offset / extent,  # [T*B, N, heads, levels, points, 2]
            weight.to(exact).flatten(3).softmax(-1).view_as(weight),
        )
        y = y.to(x.dtype).transpose(1, 2).unsqueeze(2)  # [T*B, C, 1, N]
        return self.out_proj(unfold_time(y, x.size(0)))

    def _layout(self, *inner: int) -> tuple[int, ...]:
        """Return the shape that the channels of offsets and weights stand for."""
        return (self.num_heads, self.num_levels, self.num_points, *inner)


def _tokens_first(x: Tensor) -> Tensor:
    """Turn ``[T, B, C, 1, N]`` into ``[T*B, N, C]``."""
    return fold_time(x).squeeze(2).transpose(1, 2)


class MSDeformEncoderLayer(BaseModule):
    """Multi-scale deformable attention, then the channel MLP, added to membrane potentials.

    Args:
        channels: Channels of input and output.
        num_levels: Number of maps.
        num_heads: Number of heads of the attention.
        num_points: Number of points that a head samples from each map.
        mlp_ratio: Width of the MLP, as a multiple of the channels.
    """

    def __init__(
        self,
        channels: int,
        num_levels: int,
        num_heads: int = 8,
        num_points: int = 4,
        mlp_ratio: int = 4,
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        cfg: dict[str, Any] = dict(neuron_cfg=neuron_cfg, norm_cfg=norm_cfg)
        self.attn = SpikeMultiScaleDeformableAttention(
            channels, num_levels, num_heads, num_points, **cfg
        )
        self.mlp = ChannelMLP(channels, mlp_ratio, **cfg)

    def forward(self, x: Tensor, positions: Tensor, sizes: Sequence[Size]) -> Tensor:
        """Encode tokens, ``[T, B, C, 1, N] -> [T, B, C, 1, N]``; see the attention."""
        x = x + self.attn(x, positions, sizes)
        return x + self.mlp(x)


class MSDeformEncoder(BaseModule):
    """Mask2Former's encoder, converted directly: a token attends to all maps at all scales.

    The paper compares its :class:`SDTELayer` with a Mask2Former that is "directly converted" to
    spikes, without details. We keep the encoder with its softmax, put a neuron in front of each
    weighted layer, and add membrane potentials. Sine positions and a learnt embedding of each level
    are added to the tokens from which offsets and weights are computed.

    Args:
        channels: Channels of the maps.
        num_levels: Number of maps.
        num_layers: Number of layers.
        **layer_cfg: Arguments of :class:`MSDeformEncoderLayer`.
    """

    def __init__(
        self,
        channels: int,
        num_levels: int,
        num_layers: int = 6,
        init_cfg: dict | None = None,
        **layer_cfg,
    ) -> None:
        super().__init__(init_cfg)
        self.level_embed = nn.Embedding(num_levels, channels)
        self.layers = ModuleList(
            MSDeformEncoderLayer(channels, num_levels, **layer_cfg) for _ in range(num_layers)
        )

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Encode all maps together.

        Args:
            maps: L maps ``[T, B, C, H_l, W_l]``, coarsest first.

        Returns:
            Maps of the same shapes.
        """
        sizes: list[Size] = [(x.size(-2), x.size(-1)) for x in maps]
        x = _as_tokens(maps)
        positions = _as_tokens(
            [
                sine_positions(y) + level[:, None, None]
                for y, level in zip(maps, self.level_embed.weight, strict=True)
            ]
        )
        for layer in self.layers:
            x = layer(x, positions, sizes)
        parts = x.squeeze(-2).split([height * width for height, width in sizes], dim=-1)
        return [part.unflatten(-1, size) for part, size in zip(parts, sizes, strict=True)]


def _as_tokens(maps: Sequence[Tensor]) -> Tensor:
    """Join maps ``[..., H_l, W_l]`` to one map of height 1, ``[..., 1, N]``."""
    return torch.cat([x.flatten(-2) for x in maps], dim=-1).unsqueeze(-2)
