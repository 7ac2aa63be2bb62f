"""The temporal branch of STSep-style blocks: differences of frames through a bottleneck."""

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from .attention import SpikeChannelGate, SpikeDrivenSelfAttention
from .frame_difference import FrameDifference
from .spike_conv import SpikeConv

ATTENTIONS = ('gate', 'channel_sdsa', None)


class TemporalBranch(BaseModule):
    r"""A bottleneck on the differences :math:`d_k` of the frames with the offsets k.

    .. math::
        r &= \textstyle\sum_k \mathrm{BN}(W_k \, \mathrm{SN}(d_k)), \quad
        r' = \mathrm{BN}(\mathrm{DW}_{3 \times 3}(\mathrm{SN}(r))), \\
        m &= \mathrm{BN}(W_m \, \mathrm{attn}(r'))

    The attention ends in spikes: ``'gate'`` is :class:`SpikeChannelGate`, ``'channel_sdsa'`` is
    :class:`SpikeDrivenSelfAttention` (a gate for each channel from keys and values) with a neuron
    behind it, and None is a neuron.

    Args:
        in_channels: Channels of the input.
        channels: Channels of the output.
        width: Channels of the bottleneck.
        stride: Stride of the first convolutions.
        offsets: The offsets k, each with a first convolution of its own.
        on_off: See :class:`FrameDifference`.
        attn: ``'gate'``, ``'channel_sdsa'`` or None.
        neuron_cfg: Neuron of all layers; with ``keep_state=True`` the differences keep frames, too.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        width: int,
        stride: int = 1,
        offsets: Sequence[int] = (1,),
        on_off: bool = False,
        attn: str | None = 'gate',
        *,
        neuron_cfg: dict[str, Any],
        norm_cfg: dict[str, Any],
    ) -> None:
        super().__init__()
        if not isinstance(offsets, Sequence) or not offsets:
            raise ValueError(f'offsets={offsets!r}, expected a list of integers of at least 1')
        if attn not in ATTENTIONS:
            raise ValueError(f'attn={attn!r}, expected one of {ATTENTIONS}')
        cfg: dict[str, Any] = dict(neuron_cfg=neuron_cfg, norm_cfg=norm_cfg)
        keep = bool(neuron_cfg.get('keep_state', False))
        read = 2 * in_channels if on_off else in_channels
        self.differences = nn.ModuleList(FrameDifference(k, on_off, keep) for k in offsets)
        self.reduce = nn.ModuleList(SpikeConv(read, width, 1, stride, **cfg) for _ in offsets)
        self.depthwise = SpikeConv(width, width, 3, groups=width, **cfg)
        self.attn: nn.Module = nn.Identity()
        if attn == 'gate':
            self.attn = SpikeChannelGate(width, **cfg)
        elif attn == 'channel_sdsa':
            self.attn = SpikeDrivenSelfAttention(width, num_heads=1, proj_bias=False, **cfg)
        last = None if attn == 'gate' else neuron_cfg
        self.expand = SpikeConv(width, channels, neuron_cfg=last, norm_cfg=norm_cfg)

    def forward(self, x: Tensor) -> Tensor:
        """Membranes ``[T, B, C_in, H, W] -> [T, B, C_out, H', W']``."""
        layers = zip(self.differences, self.reduce, strict=True)
        reduced = [reduce(difference(x)) for difference, reduce in layers]
        return self.expand(self.attn(self.depthwise(sum(reduced[1:], reduced[0]))))

    def out_layer(self) -> nn.Module | None:
        """Return the layer that gives the output."""
        return self.expand.out_layer()
