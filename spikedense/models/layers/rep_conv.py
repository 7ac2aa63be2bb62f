"""Re-parameterised convolution of Spike-driven Transformer V2."""

from typing import cast

import torch
import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import build_neuron
from spikedense.ops import guarded_norm, merge_rep_conv

from .spike_conv import SpikeConv
from .time import fold_time, unfold_time


class BorderNorm(nn.Module):
    r"""Batch norm, then padding with the norm's output for a zero input (BNAndPad).

    The border is :math:`\beta - \mu \gamma / \sqrt{\sigma^2 + \epsilon}` from the *running*
    statistics, in training also (after their update). The border has no gradient. With this border,
    the whole RepConv equals one zero-padded 3x3 convolution in eval mode.

    Args:
        num_features: Number of channels.
        norm_cfg: A batch norm with running statistics and affine weights.
        padding: Width of the border.
    """

    def __init__(self, num_features: int, norm_cfg: dict, padding: int = 1) -> None:
        super().__init__()
        self.norm = build_norm_layer(norm_cfg, num_features)[1]
        norm = self.norm
        if getattr(norm, 'running_mean', None) is None or norm.weight is None:
            raise ValueError(
                f'norm_cfg={dict(norm_cfg)}, expected a batch norm with running statistics and '
                'affine weights (BN, SyncBN): RepConv pads with them'
            )
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W] -> [N, C, H + 2p, W + 2p]``."""
        y = guarded_norm(self.norm, x)
        border = self._border_value().to(y.dtype)
        pad = (self.padding,) * 4
        outside = F.pad(y.new_zeros(y.shape[-2:]), pad, value=1.0)
        return F.pad(y, pad) + border[:, None, None] * outside

    @torch.no_grad()
    def _border_value(self) -> Tensor:
        norm = self.norm
        gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        return norm.bias - norm.running_mean * gain


class RepConv(BaseModule):
    """1x1 convolution, :class:`BorderNorm`, depth-wise 3x3, 1x1 convolution, norm.

    Args:
        in_channels: Channels of the input, and of the depth-wise part.
        out_channels: Channels of the output.
        norm_cfg: A batch norm with running statistics and affine weights.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.expand = nn.Conv2d(in_channels, in_channels, 1, bias=False)
        self.border_norm = BorderNorm(in_channels, norm_cfg)
        self.depthwise = nn.Conv2d(in_channels, in_channels, 3, groups=in_channels, bias=False)
        self.project = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.norm = build_norm_layer(norm_cfg, out_channels)[1]

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C_in, H, W] -> [N, C_out, H, W]``."""
        x = self.border_norm(self.expand(x))
        return guarded_norm(self.norm, self.project(self.depthwise(x)))


class SpikeRepConv(BaseModule):
    """``Norm(RepConv(SN(x)))`` on ``[T, B, C, H, W]``, equal to one spiking 3x3 convolution.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        neuron_cfg: None for a layer without a neuron, if the input is spikes.
        norm_cfg: A batch norm with running statistics and affine weights.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        neuron_cfg: dict | None,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.neuron = None if neuron_cfg is None else build_neuron(neuron_cfg)
        self.conv = RepConv(in_channels, out_channels, norm_cfg)
        self.norm = build_norm_layer(norm_cfg, out_channels)[1]

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C_in, H, W] -> [T, B, C_out, H, W]``."""
        if self.neuron is not None:
            x = self.neuron(x)
        return unfold_time(guarded_norm(self.norm, self.conv(fold_time(x))), x.size(0))

    def merged(self) -> tuple[Tensor, Tensor]:
        """Return weight ``[out, in, 3, 3]`` and bias ``[out]`` of the equal convolution."""
        rep = self.conv
        return merge_rep_conv(
            rep.expand.weight,
            rep.border_norm.norm,
            rep.depthwise.weight,
            rep.project.weight,
            rep.norm,
            self.norm,
        )

    @torch.no_grad()
    def as_conv(self) -> SpikeConv:
        """Build the single convolution that computes the same in eval mode."""
        weight, bias = self.merged()
        layer = SpikeConv(weight.size(1), weight.size(0), 3, bias=True).to(weight)
        layer.neuron = self.neuron
        layer.conv.weight.copy_(weight)
        cast(Tensor, layer.conv.bias).copy_(bias)
        return layer.eval()
