"""Spiking separable convolution."""

from mmengine.model import BaseModule
from torch import Tensor

from .spike_conv import SpikeConv


class SpikeSeparableConv(BaseModule):
    """Spiking separable convolution: 1x1 expansion, depth-wise k x k, 1x1 projection.

    With ``mid_neuron`` it is the efficient spiking convolution (ESC) of Spike-driven Transformer
    V3 and Spike2Former, every convolution fed by spikes. Without it, it is the SepConv of V2:
    nothing stands between the last two convolutions, and the projection takes real values.

    Args:
        channels: channels of input and output.
        kernel_size: side of the depth-wise kernel.
        expansion: ratio of the hidden channels.
        mid_neuron: whether norm and neuron stand between the last two convolutions.
        neuron_cfg: the neuron.
        norm_cfg: the norm.
        init_cfg: initialisation of mmengine.
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
        self.project = SpikeConv(
            hidden, channels, neuron_cfg=neuron_cfg if mid_neuron else None, norm_cfg=norm_cfg
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        return self.project(self.depthwise(self.expand(x)))
