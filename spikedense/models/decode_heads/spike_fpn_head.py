"""Spiking Semantic-FPN head."""

from collections.abc import Sequence
from math import log2

from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from torch import Tensor, nn

from spikedense.neurons import build_neuron, neuron_or_default
from spikedense.registry import MODELS

from ..layers import SpikeConv, over_time, resize_maps, with_time


class ScaleHead(nn.Module):
    """Convolutions of one level, each followed by bilinear up-sampling by 2.

    Args:
        in_channels: Channels of the level.
        channels: Channels of the output.
        num_convs: Number of convolutions.
        upsample: Whether to up-sample after each convolution.
        align_corners: Option of the interpolation.
        norm_cfg: None means no norm.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        num_convs: int,
        upsample: bool,
        align_corners: bool,
        neuron_cfg: dict,
        norm_cfg: dict | None,
    ) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            SpikeConv(
                in_channels if k == 0 else channels,
                channels,
                3,
                neuron_cfg=neuron_cfg,
                norm_cfg=norm_cfg,
            )
            for k in range(num_convs)
        )
        self.upsample = upsample
        self.align_corners = align_corners

    def forward(self, x: Tensor) -> Tensor:
        """Turn ``[T, B, C_in, H, W]`` into ``[T, B, C, s*H, s*W]``, s = 2 ** num_convs or 1."""
        for conv in self.convs:
            x = conv(x)
            if self.upsample:
                x = resize_maps(x, scale_factor=2, align_corners=self.align_corners)
        return x


@MODELS.register_module()
class SpikeFPNHead(BaseDecodeHead):
    """Semantic FPN with a neuron in front of every convolution (FPNHead_SNN, QFPNHead).

    Each level has ``max(1, log2(stride_i / stride_0))`` convolutions, each followed by up-sampling
    (except on the finest level). The membrane potentials of all levels are added, and
    ``logits = mean_t(Conv1x1(SN(sum)))``. There is no dropout, because it makes spikes real-valued.

    Args:
        feature_strides: Strides of the levels, finest first. Only the ratios matter.
        neuron_cfg: Default ``dict(type='NILIF', D=4)``.
        **kwargs: Arguments of mmseg's ``BaseDecodeHead``, except ``dropout_ratio`` and ``act_cfg``.
    """

    no_nir = 'bilinear resizing and the mean over time have no NIR node'

    def __init__(
        self, feature_strides: Sequence[int], neuron_cfg: dict | None = None, **kwargs
    ) -> None:
        if kwargs.pop('dropout_ratio', 0):
            raise ValueError(
                'SpikeFPNHead: dropout_ratio must be 0, because dropout changes spikes'
            )
        super().__init__(input_transform='multiple_select', dropout_ratio=0, act_cfg=None, **kwargs)
        if len(feature_strides) != len(self.in_channels):
            raise ValueError(
                f'SpikeFPNHead: feature_strides={tuple(feature_strides)}, expected '
                f'{len(self.in_channels)} of them, one for each of in_channels'
            )
        self.feature_strides = tuple(feature_strides)
        neuron_cfg = neuron_or_default(neuron_cfg)
        self.scale_heads = nn.ModuleList(
            ScaleHead(
                in_channels,
                self.channels,
                max(1, int(log2(stride) - log2(feature_strides[0]))),
                stride != feature_strides[0],
                self.align_corners,
                neuron_cfg,
                self.norm_cfg,
            )
            for in_channels, stride in zip(self.in_channels, feature_strides, strict=True)
        )
        self.out_neuron = build_neuron(neuron_cfg)

    def forward(self, inputs: Sequence[Tensor]) -> Tensor:
        """Predict logits.

        Args:
            inputs: Features, finest first, ``[T, B, C_i, H_i, W_i]`` or ``[B, C_i, H_i, W_i]``.

        Returns:
            Logits at the size of the finest level, ``[B, num_classes, H_0, W_0]``.
        """
        levels = [with_time(x) for x in self._transform_inputs(inputs)]
        maps = [head(x) for head, x in zip(self.scale_heads, levels, strict=True)]
        total = maps[0]
        for x in maps[1:]:
            total = total + self._to_size(x, total.shape[-2:])
        spikes = self.out_neuron(total)
        return over_time(self.conv_seg, spikes).mean(0)

    def _to_size(self, x: Tensor, size: Sequence[int]) -> Tensor:
        if x.shape[-2:] == size:
            return x
        return resize_maps(x, size, align_corners=self.align_corners)
