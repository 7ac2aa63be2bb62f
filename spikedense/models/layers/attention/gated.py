"""A base class for attention that masks spikes by a gate."""

from abc import abstractmethod
from typing import Any, ClassVar

from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import binary_gate, build_neuron, rescaled_input
from spikedense.utils.answers import Folding, Unfoldable, is_exactly

from ..entry_neuron import entry_neuron
from ..folding import out_layer
from ..spike_conv import SpikeConv
from ..spike_product import SpikeProduct, SpikeTotal
from ..time import fold_time, unfold_time
from .heads import check_heads, merge_heads, split_heads


def check_scale(scale: float) -> float:
    """Return a factor of sums; refuse one that is no number above 0."""
    if not isinstance(scale, int | float) or not scale > 0:
        raise ValueError(f'scale={scale!r}, expected a number above 0')
    return scale


class GatedAttention(BaseModule):
    r"""Base class of attention layers that multiply spikes m by a gate of spikes.

    .. math::
        s = \mathrm{SN}(x), \quad q, k = \mathrm{SN}(P_{q,k}(s)), \quad
        y = P_o\bigl(m \odot \mathrm{SN}_g(\mathrm{scale} \cdot \textstyle\sum c)\bigr)

    A subclass says which spikes m are masked, which spikes c are counted, and along which axis.
    All projections are 1x1 convolutions with a norm.

    With an integer neuron (D > 1) the gate is binary: its neuron is the same one with D = 1, so
    that the masked spikes stay integers up to D. With a threshold neuron, the gate's neuron has
    half the threshold, as in the published networks.

    A sum over many tokens is often far above the threshold. The straight-through gradient of an
    integer neuron is zero there: the gate stays open, and the layers that make the counted spikes
    do not learn. With integer neurons, choose ``scale`` so that a typical scaled sum is below 1.

    Args:
        channels: Channels of input and output.
        num_heads: Number of heads; a head gets contiguous channels.
        scale: Factor of the sum; 1 in the published networks.
        qkv_bias: Whether the projections of queries, keys and values have a bias.
        proj_bias: Whether the last projection has a bias.
        gate_neuron_cfg: The neuron of the gate; None chooses by ``neuron_cfg``. With a neuron of
            integers up to m, the last projection reads integers up to ``D * m``.
        reads_spikes: Whether the input is spikes, as in :class:`SpikeSumBlock`; then there is no
            neuron at the entry.
    """

    #: Axis of ``[T*B, heads, C/heads, N]`` along which spikes are counted.
    counted_axis: ClassVar[int]

    def __init__(
        self,
        channels: int,
        num_heads: int,
        scale: float = 1.0,
        qkv_bias: bool = False,
        proj_bias: bool = True,
        *,
        neuron_cfg: dict,
        gate_neuron_cfg: dict | None = None,
        norm_cfg: dict,
        reads_spikes: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_heads(channels, num_heads)
        check_scale(scale)
        self.channels = channels
        self.num_heads = num_heads
        self.neuron = entry_neuron(neuron_cfg, reads_spikes)
        qkv: dict[str, Any] = dict(bias=qkv_bias, norm_cfg=norm_cfg)
        self.q_conv = SpikeConv(channels, channels, **qkv)
        self.k_conv = SpikeConv(channels, channels, **qkv)
        self.q_neuron: Any = build_neuron(neuron_cfg)
        self.k_neuron: Any = build_neuron(neuron_cfg)
        self.total = SpikeTotal(self.counted_axis, scale)
        self.gate_neuron = build_neuron(gate_neuron_cfg or binary_gate(neuron_cfg))
        self.mask = SpikeProduct()
        self.out_proj = SpikeConv(channels, channels, bias=proj_bias, norm_cfg=norm_cfg)

    @abstractmethod
    def masked_and_counted(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the spikes that are masked and the spikes that open the gate.

        Args:
            s: Spikes of the input, ``[T, B, C, H, W]``.

        Returns:
            Two tensors of spikes, ``[T*B, heads, C/heads, N]``.
        """

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        masked, counted = self.masked_and_counted(self.neuron(x))
        return self.out_proj(merge_heads(self.mask(masked, self.gate(counted, len(x))), like=x))

    def gate(self, counted: Tensor, steps: int) -> Tensor:
        """Count spikes along an axis and fire.

        Args:
            counted: Spikes, ``[T*B, heads, C/heads, N]``.
            steps: Number of time steps T.

        Returns:
            Spikes of the gate, ``[T*B, heads, C/heads or 1, N or 1]``.
        """
        return fold_time(self.gate_neuron(unfold_time(self.total(counted), steps)))

    def heads_of(self, name: str, s: Tensor) -> Tensor:
        """Return the spikes of the queries, keys or values, split into heads.

        Args:
            name: ``'q'``, ``'k'`` or ``'v'``.
            s: Spikes of the input, ``[T, B, C, H, W]``.

        Returns:
            ``[T*B, heads, C/heads, N]``.
        """
        conv, neuron = getattr(self, f'{name}_conv'), getattr(self, f'{name}_neuron')
        return split_heads(neuron(conv(s)), self.num_heads)

    def out_layer(self) -> nn.Module:
        """Return the layer that gives the output."""
        return out_layer(self.out_proj)

    def fold_scales(self, steps: int | None) -> list[Folding]:
        """Move the factor of the sum into the thresholds of the gate's neuron."""
        if self.total.scale == 1:
            return []
        try:
            self._rescale(self.total.scale)
        except Unfoldable as refused:
            return [Folding('attention scale', '', str(refused))]
        self.total.scale = 1.0
        return [Folding('attention scale', '')]

    def absorb(self, child: str, which: int, factor: float) -> None:
        """Fold a factor of the counted spikes into the gate's thresholds, else into the sum.

        A factor of a product of spikes is left to the reader of the product.
        """
        if child != 'total':
            return
        if self.total.scale == 1:
            try:
                self._rescale(factor)
                return
            except Unfoldable:
                pass
        self.total.scale_operand(which, factor)

    def _rescale(self, gain: float) -> None:
        """Fold a factor of the sum into the thresholds of the gate's neuron."""
        if not is_exactly(self.total, SpikeTotal):
            raise Unfoldable(f'{type(self.total).__name__} is no SpikeTotal')
        self.gate_neuron = rescaled_input(self.gate_neuron, gain)
