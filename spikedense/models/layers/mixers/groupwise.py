"""The channel mixer of SpikingResformer."""

from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.registry import MODELS

from ..folding import out_layer
from ..spike_conv import SpikeConv
from .channel import check_ratio


@MODELS.register_module()
class GroupwiseFFN(BaseModule):
    r"""Group-wise spiking feed-forward network (GWSFFN) of SpikingResformer (CVPR 2024).

    .. math::
        h = \mathrm{SConv}_1(x), \quad h' = h + \mathrm{SGConv}_3(h), \quad
        y = \mathrm{SConv}_1(h')

    Each is a neuron, a convolution and a norm; the 3x3 convolution in the middle has groups.

    Args:
        channels: Channels C of input and output.
        ratio: Ratio r of hidden channels to channels.
        group_size: Channels of a group of the convolution in the middle; None means all hidden
            channels if these are no multiple of 64, else 64.
        reads_spikes: Whether the input is spikes, as in :class:`SpikeSumBlock`; then there is no
            neuron at the entry.
    """

    no_nir = 'it has a shortcut inside, around the convolution with groups'

    def __init__(
        self,
        channels: int,
        ratio: int = 4,
        group_size: int | None = None,
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        reads_spikes: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_ratio(ratio)
        hidden = ratio * channels
        if group_size is None:
            group_size = hidden if hidden % 64 else 64
        if type(group_size) is not int or group_size < 1 or hidden % group_size:
            raise ValueError(
                f'group_size={group_size!r}, expected a divisor of {hidden} hidden channels'
            )
        cfg: dict[str, Any] = dict(bias=False, neuron_cfg=neuron_cfg, norm_cfg=norm_cfg)
        entry = None if reads_spikes else neuron_cfg
        self.widen = SpikeConv(channels, hidden, **dict(cfg, neuron_cfg=entry))
        self.mix = SpikeConv(hidden, hidden, 3, groups=hidden // group_size, **cfg)
        self.narrow = SpikeConv(hidden, channels, **cfg)

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        h = self.widen(x)
        return self.narrow(h + self.mix(h))

    def out_layer(self) -> nn.Module:
        """Return the layer that gives the output."""
        return out_layer(self.narrow)
