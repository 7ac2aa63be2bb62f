"""Two 1x1 convolutions without a neuron between them, as in the large models of SDT V3."""

import copy
from typing import Any, cast

import torch
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import build_neuron
from spikedense.ops import guarded_norm

from .folding import check_weighted, fold_norm
from .spike_conv import SpikeConv
from .time import fold_time, unfold_time


class SpikeStackedConv(BaseModule):
    """``Norms(Conv(Norm(Conv(SN(x)))))`` with 1x1 kernels, equal to one spiking 1x1 convolution.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        hidden_channels: Channels between both convolutions.
        neuron_cfg: None for a layer without a neuron, if the input is spikes.
        norm_cfg: A batch norm with running statistics.
        num_norms: Number of norms behind the second convolution.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int,
        neuron_cfg: dict | None,
        norm_cfg: dict,
        num_norms: int = 1,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.neuron = None if neuron_cfg is None else build_neuron(neuron_cfg)
        self.expand: Any = nn.Conv2d(in_channels, hidden_channels, 1, bias=False)
        self.expand_norm = build_norm_layer(norm_cfg, hidden_channels)[1]
        self.project: Any = nn.Conv2d(hidden_channels, out_channels, 1, bias=False)
        self.norms = nn.ModuleList(
            build_norm_layer(norm_cfg, out_channels)[1] for _ in range(num_norms)
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C_in, H, W] -> [T, B, C_out, H, W]``."""
        if self.neuron is not None:
            x = self.neuron(x)
        y = guarded_norm(self.expand_norm, self.expand(fold_time(x)))
        y = self.project(y)
        for norm in self.norms:
            y = guarded_norm(norm, y)
        return unfold_time(y, x.size(0))

    @torch.no_grad()
    def as_conv(self) -> SpikeConv:
        """Build the single convolution that computes the same in eval mode.

        Raises:
            Unfoldable: A norm depends on its input, or a layer is another one.
        """
        for conv in (self.expand, self.project):
            check_weighted(conv)
        first = copy.deepcopy(self.expand)
        fold_norm(first, self.expand_norm)
        inner, outer = first.weight.flatten(1), self.project.weight.flatten(1)
        layer = SpikeConv(inner.size(1), outer.size(0), bias=True).to(outer)
        layer.neuron = self.neuron
        layer.conv.weight.copy_((outer @ inner)[..., None, None])
        cast(Tensor, layer.conv.bias).copy_(outer @ first.bias)
        for norm in self.norms:
            fold_norm(layer.conv, norm)
        return layer.eval()
