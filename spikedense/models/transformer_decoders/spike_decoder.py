"""Query decoder of Spike2Former. Queries are maps of height 1: ``[T, B, C, 1, Q]``."""

from collections.abc import Callable, Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.utils.answers import Unfoldable

from ..layers import ChannelMLP, SpikeMultiheadAttention, map_as_tokens, tokens_as_map

#: State of the queries, index of a memory -> mask of the tokens that each query sees.
MaskOf = Callable[[Tensor, int], Tensor]


class LegacyQueryMLP(ChannelMLP):
    """The MLP as released, which reads ``[N, C]`` tokens as ``[C, N]``, and the output in reverse.

    A channel is then N successive numbers of the ``[N, C]`` block. This mixes queries and channels
    in a way that depends on the number of queries.
    """

    def out_layer(self) -> nn.Module:
        """Refuse: queries and channels are mixed behind the last layer."""
        raise Unfoldable('its branch does not end in a layer of the same channels')

    def forward(self, x: Tensor) -> Tensor:
        """Run the MLP, ``[T, B, C, 1, Q] -> [T, B, C, 1, Q]``."""
        return tokens_as_map(super().forward(map_as_tokens(x)))


class SpikeDecoderLayer(BaseModule):
    """Cross-attention, self-attention and MLP, each added to the membrane potentials of queries.

    Args:
        channels: Channels of the queries.
        num_heads: Number of heads of both attentions.
        mlp_ratio: Width of the MLP, as a multiple of the channels.
        order: Order of the products in both attentions, ``'linear'`` or ``'quadratic'``.
        cross_attn_cfg: Arguments of the cross-attention only, for example another ``neuron_cfg``.
        legacy_layout: Whether the MLP mixes queries and channels as the released code does.
    """

    def __init__(
        self,
        channels: int,
        num_heads: int = 8,
        mlp_ratio: int = 8,
        order: str = 'linear',
        cross_attn_cfg: dict | None = None,
        legacy_layout: bool = False,
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        cfg: dict[str, Any] = dict(neuron_cfg=neuron_cfg, norm_cfg=norm_cfg)
        attn_cfg = dict(num_heads=num_heads, order=order, **cfg)
        cross_cfg = {**attn_cfg, **(cross_attn_cfg or {})}
        self.cross_attn = SpikeMultiheadAttention(channels, **cross_cfg)
        self.self_attn = SpikeMultiheadAttention(channels, **attn_cfg)
        mlp = LegacyQueryMLP if legacy_layout else ChannelMLP
        self.mlp = mlp(channels, mlp_ratio, **cfg)

    def forward(
        self,
        query: Tensor,
        query_pos: Tensor,
        memory: Tensor,
        memory_pos: Tensor,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Update the queries.

        Args:
            query: ``[T, B, C, 1, Q]``.
            query_pos: Positions of the queries, ``[C, 1, Q]`` or ``[B, C, 1, Q]``.
            memory: ``[T, B, C, h, w]``.
            memory_pos: Positions of the places in the memory, ``[C, h, w]``.
            mask: True for a token that a query sees, ``[T*B, 1, h*w, Q]``; None means all tokens.

        Returns:
            ``[T, B, C, 1, Q]``.
        """
        query = query + self.cross_attn(query + query_pos, memory + memory_pos, memory, mask)
        place = query + query_pos
        query = query + self.self_attn(place, place, query)
        return query + self.mlp(query)


class SpikeTransformerDecoder(BaseModule):
    """Layers that read the memories in turn, the coarsest first.

    Args:
        channels: Channels of the queries.
        num_layers: Number of layers.
        init_cfg: Replaces Xavier's rule.
        **layer_cfg: Arguments of :class:`SpikeDecoderLayer`.
    """

    def __init__(
        self, channels: int, num_layers: int = 6, init_cfg: dict | None = None, **layer_cfg
    ) -> None:
        super().__init__(init_cfg)
        self.layers = nn.ModuleList(
            SpikeDecoderLayer(channels, **layer_cfg) for _ in range(num_layers)
        )

    def init_weights(self) -> None:
        """Initialise all matrices by Xavier's rule."""
        if self.init_cfg is not None:
            super().init_weights()
            return
        for parameter in self.parameters():
            if parameter.dim() > 1:
                nn.init.xavier_uniform_(parameter)

    def forward(
        self,
        query: Tensor,
        query_pos: Tensor,
        memories: Sequence[Tensor],
        memory_pos: Sequence[Tensor],
        mask_of: MaskOf | None = None,
    ) -> list[Tensor]:
        """Run all layers.

        Args:
            query: ``[T, B, C, 1, Q]``.
            query_pos: ``[C, 1, Q]``.
            memories: ``[T, B, C, h, w]`` each.
            memory_pos: ``[C, h, w]`` each.
            mask_of: Returns the mask of a layer from the queries and the index of its memory; None
                means that all queries see all tokens.

        Returns:
            The queries at the start and after each layer, ``[T, B, C, 1, Q]``.
        """
        states = [query]
        for i, layer in enumerate(self.layers):
            level = i % len(memories)
            mask = None if mask_of is None else mask_of(states[-1], level)
            state = layer(states[-1], query_pos, memories[level], memory_pos[level], mask)
            states.append(state)
        return states
