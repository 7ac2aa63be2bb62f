"""MS-ResNet: residual networks with membrane shortcuts."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.registry import MODELS

from ..layers import DropPath, SpikeConv, over_time
from .base import SpikeBackbone
from .resnet import DEPTHS, read_arch, stage_widths

#: Start values of the weights of norms: the neuron's threshold, as published; and 0 for the last
#: norm of a block, so that a block hands on its input at the start.
_NORM_WEIGHT, _LAST_NORM_WEIGHT = 0.5, 0.0


class MSBlock(BaseModule):
    r"""Two convolutions, each behind a neuron, and a shortcut on the membrane: ``x + F(x)``.

    The shortcut of a block that changes the size is a convolution of the membrane, without a
    neuron, as published: it multiplies real numbers.

    Args:
        in_channels: Channels of the input.
        channels: Channels of the output.
        stride: Stride of the first convolution.
        avg_down: Whether the shortcut averages 2x2 pixels and has stride 1 behind.
        drop_path: Rate of stochastic depth of the branch.
    """

    def __init__(
        self,
        in_channels: int,
        channels: int,
        stride: int = 1,
        avg_down: bool = False,
        drop_path: float = 0.0,
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
    ) -> None:
        super().__init__()
        cfg: dict[str, Any] = dict(neuron_cfg=neuron_cfg, norm_cfg=norm_cfg)
        self.conv1 = SpikeConv(in_channels, channels, 3, stride, **cfg)
        self.conv2 = SpikeConv(channels, channels, 3, **cfg)
        self.drop_path = DropPath(drop_path)
        self.pool = None
        if avg_down and stride > 1:
            # Pixels of the border that have no partner are averaged with fewer.
            self.pool = nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False)
            stride = 1
        changes = self.pool is not None or stride > 1 or in_channels != channels
        self.shortcut = (
            SpikeConv(in_channels, channels, 1, stride, norm_cfg=norm_cfg) if changes else None
        )
        for conv, weight in (
            (self.conv1, _NORM_WEIGHT),
            (self.conv2, _LAST_NORM_WEIGHT),
            (self.shortcut, _NORM_WEIGHT),
        ):
            if conv is not None:
                _start_norm(conv, weight)

    def forward(self, x: Tensor) -> Tensor:
        """Membranes ``[T, B, C_in, H, W] -> [T, B, C_out, H', W']``."""
        y = self.drop_path(self.conv2(self.conv1(x)))
        if self.pool is not None:
            x = over_time(self.pool, x)
        return y + (x if self.shortcut is None else self.shortcut(x))


def _start_norm(conv: SpikeConv, weight: float) -> None:
    if getattr(conv.norm, 'weight', None) is not None:
        nn.init.constant_(conv.norm.weight, weight)  # type: ignore[union-attr]


@MODELS.register_module()
class MSResNet(SpikeBackbone):
    """MS-ResNet, the residual network with membrane shortcuts (TNNLS 2024).

    The stem of stride 2 is a stage of its own, without a neuron and without pooling. Each later
    stage halves the size, the first of them, too. The taps 0 to 4 have strides 2, 4, 8, 16, 32.

    Args:
        arch: 18, 34, 104; or a dict with ``depths``, ``base_channels`` (64), ``deep_stem`` (three
            3x3 convolutions in place of one of 7x7) and ``avg_down`` (shortcuts average 2x2
            pixels in front of their convolution); both are False, in 104 True.
        T: Number of time steps of an image.
        neuron_cfg: None means ``dict(type='StrictLIF')``, as published.
        out_indices: Numbers of the stages whose outputs are returned; None means all but the stem.
        **kwargs: Other arguments of :class:`SpikeBackbone`, except ``channels`` and ``strides``.
    """

    paper = (
        '[Advancing Spiking Neural Networks Toward Deep Residual Learning]'
        '(https://arxiv.org/abs/2112.08954), TNNLS 2024'
    )
    arch_zoo: ClassVar[dict[int, dict[str, Any]]] = {
        18: dict(depths=DEPTHS[18]),
        34: dict(depths=DEPTHS[34]),
        104: dict(depths=(3, 8, 32, 8), deep_stem=True, avg_down=True),
    }

    def __init__(
        self,
        arch: int | Mapping[str, Any] = 18,
        T: int = 6,
        neuron_cfg: dict | None = None,
        out_indices: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        size = read_arch(self, arch, base_channels=64, deep_stem=False, avg_down=False)
        widths, depths = stage_widths(size), size['depths']
        channels = [widths[0], *widths]
        super().__init__(
            channels,
            [2 * 2**i for i in range(len(channels))],
            T=T,
            neuron_cfg=neuron_cfg or dict(type='StrictLIF'),
            out_indices=range(1, len(channels)) if out_indices is None else out_indices,
            **kwargs,
        )
        self.add_stage(self._stem_layers(widths[0], size['deep_stem']))
        for i, rates in enumerate(self.drop_path_rates(depths)):
            blocks = [
                MSBlock(
                    channels[i] if j == 0 else widths[i],
                    widths[i],
                    2 if j == 0 else 1,
                    size['avg_down'],
                    rate,
                    **self.layer_cfg,
                )
                for j, rate in enumerate(rates)
            ]
            self.add_stage(nn.Identity(), blocks)

    def _stem_layers(self, width: int, deep: bool) -> nn.Sequential:
        norm = self.norm_cfg
        if deep:
            layers = [
                SpikeConv(self.in_channels, width, 3, 2),
                SpikeConv(width, width, 3),
                SpikeConv(width, width, 3, bias=True, norm_cfg=norm),
            ]
        else:
            layers = [SpikeConv(self.in_channels, width, 7, 2, norm_cfg=norm)]
        _start_norm(layers[-1], _NORM_WEIGHT)
        return nn.Sequential(*layers)
