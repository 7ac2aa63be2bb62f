"""Spiking separable convolution."""

from typing import Any, cast

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.registry import MODELS
from spikedense.utils.answers import Folding, Unfoldable

from ..folding import out_layer
from ..spike_conv import SpikeConv


@MODELS.register_module()
class SpikeSeparableConv(BaseModule):
    """Spiking separable convolution: 1x1 expansion, depth-wise k x k, 1x1 projection.

    With ``mid_neuron`` this is the efficient spiking convolution (ESC) of Spike-driven Transformer
    V3 and Spike2Former: each convolution reads spikes. Without ``mid_neuron`` it is the SepConv of
    V2: there is nothing between the last two convolutions, and the projection reads real values.

    Args:
        channels: Channels of input and output.
        kernel_size: Side of the depth-wise kernel.
        expansion: Ratio of hidden channels to channels.
        mid_neuron: Whether a norm and a neuron are between the last two convolutions.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        expansion: int = 2,
        mid_neuron: bool = True,
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        hidden = channels * expansion
        self.expand = SpikeConv(channels, hidden, neuron_cfg=neuron_cfg, norm_cfg=norm_cfg)
        self.depthwise = SpikeConv(
            hidden,
            hidden,
            kernel_size,
            groups=hidden,
            bias=False,
            neuron_cfg=neuron_cfg,
            norm_cfg=norm_cfg if mid_neuron else None,
        )
        self.project: Any = SpikeConv(
            hidden, channels, neuron_cfg=neuron_cfg if mid_neuron else None, norm_cfg=norm_cfg
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        return self.project(self.depthwise(self.expand(x)))

    def out_layer(self) -> nn.Module:
        """Return the layer that gives the output."""
        return out_layer(self.depthwise if self._is_merged() else self.project)

    def chain(self) -> dict[str, SpikeConv]:
        """Return the layers in their order."""
        names = ('expand', 'depthwise') if self._is_merged() else ('expand', 'depthwise', 'project')
        return {name: getattr(self, name) for name in names}

    @torch.no_grad()
    def fold_layers(self) -> list[Folding]:
        """Merge the last two layers into one full convolution, if no neuron is between them."""
        if self._is_merged() or self.project.neuron is not None:
            return []
        inner: Any = self.depthwise.conv
        outer: Any = self.project.conv
        if (
            self.depthwise.norm is not None
            or self.project.norm is not None
            or inner.bias is not None
        ):
            raise Unfoldable('its norm could not be folded')
        layer = SpikeConv(
            inner.in_channels,
            outer.out_channels,
            inner.kernel_size[0],
            padding=inner.padding[0],
            bias=outer.bias is not None,
        ).to(inner.weight)
        layer.neuron = self.depthwise.neuron
        layer.conv.weight.copy_(outer.weight * inner.weight.transpose(0, 1))
        if outer.bias is not None:
            cast(Tensor, layer.conv.bias).copy_(outer.bias)
        self.depthwise = layer.eval()
        self.project = nn.Identity()
        return [Folding('separable convolution', '')]

    def _is_merged(self) -> bool:
        return isinstance(self.project, nn.Identity)
