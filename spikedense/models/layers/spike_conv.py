"""The basic layer of all models: neuron, convolution, norm."""

from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import build_neuron
from spikedense.ops import guarded_norm
from spikedense.utils.answers import Folding

from .folding import fold_norm
from .time import fold_time, unfold_time


class SpikeConv(BaseModule):
    """``Norm(Conv(SN(x)))`` on membrane potentials ``[T, B, C, H, W]``.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel_size: Side of the kernel.
        stride: Stride of the convolution.
        padding: Zero padding; None keeps the size at stride 1 (``kernel_size // 2``).
        groups: Groups of the convolution.
        bias: Whether the convolution has a bias; ``'auto'`` means a bias if there is no norm.
        neuron_cfg: None for a layer without a neuron: its input is pixels, or spikes that several
            layers share.
        norm_cfg: None for a layer without a norm.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 1,
        stride: int = 1,
        padding: int | None = None,
        groups: int = 1,
        bias: bool | str = 'auto',
        neuron_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.neuron = None if neuron_cfg is None else build_neuron(neuron_cfg, in_channels)
        self.conv: nn.Conv2d | nn.ConvTranspose2d = nn.Conv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            padding=kernel_size // 2 if padding is None else padding,
            groups=groups,
            bias=norm_cfg is None if bias == 'auto' else bool(bias),
        )
        self.norm = None if norm_cfg is None else build_norm_layer(norm_cfg, out_channels)[1]

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C_in, H, W] -> [T, B, C_out, H', W']``."""
        if self.neuron is not None:
            x = self.neuron(x)
        y = self.conv(fold_time(x))
        if self.norm is not None:
            y = guarded_norm(self.norm, y)
        return unfold_time(y, x.size(0))

    def out_layer(self) -> nn.Module | None:
        """Return the convolution; None if a norm behind it changes its output."""
        return self.conv if self.norm is None else None

    def fold_norm(self) -> list[Folding]:
        """Fold the norm into the convolution."""
        if self.norm is None:
            return []
        fold_norm(self.conv, self.norm)
        self.norm = None
        return [Folding('norm', '')]

    def chain(self) -> dict[str, 'SpikeConv']:
        """Return the layers in their order: only this one."""
        return {'': self}


class SpikeDeconv(SpikeConv):
    """:class:`SpikeConv` with a transposed convolution, which enlarges the map.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        scale_factor: Factor on height and width; kernel size and stride have this value.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        scale_factor: int = 2,
        neuron_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            neuron_cfg=neuron_cfg,
            norm_cfg=norm_cfg,
            init_cfg=init_cfg,
        )
        self.conv = nn.ConvTranspose2d(
            in_channels,
            out_channels,
            scale_factor,
            stride=scale_factor,
            bias=self.conv.bias is not None,
        )
