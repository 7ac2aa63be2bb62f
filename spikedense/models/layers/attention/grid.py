"""The spike-driven grid attention of SpikeAtConv."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from spikedense.neurons import build_neuron
from spikedense.registry import MODELS

from ..entry_neuron import entry_neuron
from ..spike_conv import SpikeConv
from ..spike_pool import SpikePad
from ..time import fold_time, unfold_time
from .heads import split_heads
from .memory import REAL_BITS, AttentionMemory, spike_bits
from .product import AttentionProduct, ProductAttention

VARIANTS = ('SISA', 'BDSA')
PARTITIONS = ('grid', 'window')
#: Axes of [N, heads, d, G, h, G, w] and of [N, heads, d, h, G, w, G] in the order
#: [N, heads, h, w, d, G, G].
_TO_SETS = {'grid': (0, 1, 4, 6, 2, 3, 5), 'window': (0, 1, 3, 5, 2, 4, 6)}


def split_sets(x: Tensor, num_heads: int, size: int, partition: str) -> Tensor:
    """Split a map into heads, and each head into sets of ``size * size`` tokens.

    With ``'grid'``, a set has a token of each of ``size * size`` cells: the tokens are spread over
    the whole map. With ``'window'``, the tokens of a set are neighbours.

    Args:
        x: ``[T, B, C, H, W]``; H and W are multiples of the size.
        num_heads: Number of heads; a head gets contiguous channels.
        size: Side G of a set.
        partition: ``'grid'`` or ``'window'``.

    Returns:
        ``[T*B, heads * H/G * W/G, C/heads, G*G]``; a set looks like a head to an attention.
    """
    sides = (size, -1) if partition == 'grid' else (-1, size)
    y = fold_time(x).unflatten(1, (num_heads, -1)).unflatten(4, sides).unflatten(3, sides)
    return y.permute(_TO_SETS[partition]).flatten(5).flatten(1, 3)


def merge_sets(x: Tensor, height: int, width: int, steps: int, size: int, partition: str) -> Tensor:
    """Merge the sets to a map, the inverse of :func:`split_sets`.

    Args:
        x: ``[T*B, heads * h * w, d, G*G]``.
        height: Number h of sets along the height of the map.
        width: Number w of sets along the width.
        steps: Number of time steps T.
        size: Side G of a set.
        partition: ``'grid'`` or ``'window'``.

    Returns:
        ``[T, B, heads * d, h * G, w * G]``.
    """
    y = x.unflatten(3, (size, size)).unflatten(1, (-1, height, width))
    axes = _TO_SETS[partition]
    y = y.permute([axes.index(i) for i in range(len(axes))])
    return unfold_time(y.flatten(5, 6).flatten(3, 4).flatten(1, 2), steps)


@MODELS.register_module()
class SpikeGridAttention(ProductAttention):
    r"""Spike-driven grid attention of SpikeAtConv (SISA and BDSA), for maps of any size.

    .. math::
        \text{SISA:}\quad & s = \mathrm{SN}(x), \quad q, k, v = \mathrm{SN}(P_{q,k,v}(s)), \quad
            y = P_o(\mathrm{SN}(\mathrm{scale} \cdot q (k^\top v))) \\
        \text{BDSA:}\quad & z = \mathrm{SN}(x), \quad
            y = P_o(\mathrm{SN}(\mathrm{scale} \cdot z (z^\top z)))

    A grid of G x G tokens that are spread over the whole map attends to itself; there is a grid for
    each place inside of a cell. The spikes of q, k and v are padded with zeros at the right and at
    the bottom, so that G divides height and width. A padded token adds nothing to the product.

    Args:
        channels: Channels of input and output.
        head_dim: Channels of a head, contiguous ones. Heads are larger if this number does not
            divide the channels: there are ``channels // head_dim`` heads, at least 1, or the next
            smaller number that divides the channels.
        grid_size: Side G of the grid.
        variant: ``'SISA'`` (spike-integrated), or ``'BDSA'`` (binary direct), which has no
            projections in front of the product.
        scale: Factor of the product; None means the power -0.5 of the channels of a head.
        partition: ``'grid'``, or ``'window'`` for sets of neighbours, as in MaxViT.
        order: See :class:`AttentionProduct`.
        attn_neuron_cfg: The neuron behind the product; None means ``neuron_cfg``.
        reads_spikes: Whether the input is spikes, as in :class:`SpikeSumBlock`; then there is no
            neuron at the entry.
    """

    def __init__(
        self,
        channels: int,
        head_dim: int = 32,
        grid_size: int = 7,
        variant: str = 'SISA',
        scale: float | None = None,
        partition: str = 'grid',
        order: str = 'linear',
        *,
        neuron_cfg: dict[str, Any],
        attn_neuron_cfg: dict[str, Any] | None = None,
        norm_cfg: dict[str, Any],
        reads_spikes: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        for key, value, known in (
            ('variant', variant, VARIANTS),
            ('partition', partition, PARTITIONS),
        ):
            if value not in known:
                raise ValueError(f'{key}={value!r}, expected one of {known}')
        for key, number in (('head_dim', head_dim), ('grid_size', grid_size)):
            if not isinstance(number, int) or number < 1:
                raise ValueError(f'{key}={number!r}, expected an integer of at least 1')
        if scale is not None and not (isinstance(scale, int | float) and scale > 0):
            raise ValueError(f'scale={scale!r}, expected a number above 0, or None')
        wanted = max(1, channels // head_dim)
        self.num_heads = next(n for n in range(wanted, 0, -1) if channels % n == 0)
        self.channels, self.head_dim = channels, channels // self.num_heads
        self.grid_size, self.partition = grid_size, partition
        cfg: dict[str, Any] = dict(bias=False, norm_cfg=norm_cfg)
        self.neuron: Any = entry_neuron(neuron_cfg, reads_spikes, channels)
        self.names = ('q', 'k', 'v') if variant == 'SISA' else ()
        for name in self.names:
            self.add_module(f'{name}_conv', SpikeConv(channels, channels, **cfg))
            self.add_module(f'{name}_neuron', build_neuron(neuron_cfg, channels))
        self.pad = SpikePad(grid_size)
        self.product = AttentionProduct(self.head_dim**-0.5 if scale is None else scale, order)
        self.out_proj: Any = SpikeConv(
            channels, channels, neuron_cfg=attn_neuron_cfg or neuron_cfg, **cfg
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        factors = [
            split_sets(self.pad(spikes), self.num_heads, self.grid_size, self.partition)
            for spikes in self._spikes(x)
        ]
        y = self.product(*(factors if self.names else factors * 3))
        height, width = x.shape[-2:]
        rows, columns = (self._sets_along(side) for side in (height, width))
        maps = merge_sets(y, rows, columns, x.size(0), self.grid_size, self.partition)
        return self.out_proj(maps[..., :height, :width])

    def _spikes(self, x: Tensor) -> list[Tensor]:
        """Return the spikes of q, k and v, or those that are all three of them."""
        s = self.neuron(x)
        return [
            getattr(self, f'{name}_neuron')(getattr(self, f'{name}_conv')(s)) for name in self.names
        ] or [s]

    def attention_memory(self, height: int, width: int) -> AttentionMemory:
        """Return the memory at inference: ``k^T v`` of each head and set, and the queries."""
        tokens = height * width
        sets = self._sets_along(height) * self._sets_along(width)
        neurons = [getattr(self, f'{name}_neuron') for name in self.names] or [self.neuron]
        bits = [tokens * self.channels * spike_bits(getattr(n, 'D', None)) for n in neurons]
        state = sets * self.channels * self.head_dim * REAL_BITS
        return AttentionMemory(state, queries=bits[0], tokens=sum(bits))

    def token_scores(self, x: Tensor) -> Callable[[slice], Tensor]:
        r"""Return a function that computes how much each token contributes to each query.

        The scores are :math:`\mathrm{scale} \cdot q k^\top` inside of a set of tokens, else 0.

        Args:
            x: Input of the attention, ``[T, B, C, H, W]``.

        Returns:
            A function from a slice of n queries to scores ``[T*B, heads, n, N]``.
        """
        spikes = [split_heads(s, self.num_heads) for s in self._spikes(x)]
        q, k = spikes[0], spikes[min(1, len(spikes) - 1)]
        places = [self._place_in_sets(side, x.device) for side in x.shape[-2:]]
        sets = (places[0][:, None] * x.shape[-1] + places[1]).flatten()  # [N]

        def scores(queries: slice) -> Tensor:
            same = sets[queries, None] == sets
            return q[..., queries].transpose(-2, -1) @ k * self.product.scale * same

        return scores

    def _sets_along(self, side: int) -> int:
        """Return the number of sets along a side, rounded up."""
        # In an ONNX graph, a division rounds towards zero: the numbers must not be negative.
        return (side + self.grid_size - 1) // self.grid_size

    def _place_in_sets(self, side: int, device: torch.device) -> Tensor:
        """Return the number of the set that each row (or column) belongs to."""
        place, cells = torch.arange(side, device=device), self._sets_along(side)
        return place % cells if self.partition == 'grid' else place // self.grid_size
