"""The convolution part of SpikeAtConv as a token mixer."""

from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import hidden_neuron
from spikedense.registry import MODELS

from ..folding import out_layer
from ..spike_conv import SpikeConv
from .channel import check_ratio


@MODELS.register_module()
class SpikeConvNeXt(BaseModule):
    """A spiking ConvNeXt block: depth-wise k x k, 1x1 expansion, 1x1 projection.

    Each convolution has a neuron in front of it and a norm behind it.

    Args:
        channels: Channels of input and output.
        kernel_size: Side of the depth-wise kernel.
        ratio: Ratio of hidden channels to channels.
        reads_spikes: Whether the input is spikes, as in :class:`SpikeSumBlock`; then there is no
            neuron at the entry.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int = 7,
        ratio: int = 4,
        *,
        neuron_cfg: dict[str, Any],
        norm_cfg: dict[str, Any],
        reads_spikes: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_ratio(ratio)
        hidden = ratio * channels
        cfg: dict[str, Any] = dict(bias=False, norm_cfg=norm_cfg)
        self.depthwise = SpikeConv(
            channels,
            channels,
            kernel_size,
            groups=channels,
            neuron_cfg=None if reads_spikes else neuron_cfg,
            **cfg,
        )
        self.expand = SpikeConv(channels, hidden, neuron_cfg=neuron_cfg, **cfg)
        self.project = SpikeConv(hidden, channels, neuron_cfg=hidden_neuron(neuron_cfg), **cfg)

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        return self.project(self.expand(self.depthwise(x)))

    def out_layer(self) -> nn.Module:
        """Return the layer that gives the output."""
        return out_layer(self.project)

    def chain(self) -> dict[str, SpikeConv]:
        """Return the layers in their order."""
        return dict(depthwise=self.depthwise, expand=self.expand, project=self.project)
