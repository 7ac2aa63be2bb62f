"""Channel mixers: a layer that widens the channels, then a layer that narrows them again."""

from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import hidden_neuron
from spikedense.registry import MODELS

from ..folding import out_layer
from ..spike_conv import SpikeConv


def check_ratio(ratio: int) -> None:
    """Check the ratio of hidden channels to channels.

    Args:
        ratio: The ratio.

    Raises:
        ValueError: The ratio is no integer of at least 1.
    """
    if not isinstance(ratio, int) or ratio < 1:
        raise ValueError(f'ratio={ratio!r}, expected an integer of at least 1')


@MODELS.register_module()
class ChannelConv(BaseModule):
    """``SpikeConv3x3(r*C -> C)(SpikeConv3x3(C -> r*C)(x))``, used in convolution blocks.

    Args:
        channels: Channels of input and output.
        ratio: Ratio r of hidden channels to channels.
        kernel_size: Side of both kernels.
        bias: See :class:`SpikeConv`.
        reads_spikes: Whether the input is spikes, as in :class:`SpikeSumBlock`; then there is no
            neuron at the entry.
    """

    def __init__(
        self,
        channels: int,
        ratio: int = 4,
        kernel_size: int = 3,
        bias: bool | str = 'auto',
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        reads_spikes: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_ratio(ratio)
        cfg: dict[str, Any] = dict(kernel_size=kernel_size, bias=bias, norm_cfg=norm_cfg)
        entry = None if reads_spikes else neuron_cfg
        self.widen = SpikeConv(channels, ratio * channels, neuron_cfg=entry, **cfg)
        hidden = hidden_neuron(neuron_cfg)
        self.narrow = SpikeConv(ratio * channels, channels, neuron_cfg=hidden, **cfg)

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        return self.narrow(self.widen(x))

    def out_layer(self) -> nn.Module:
        """Return the layer that gives the output."""
        return out_layer(self.narrow)

    def chain(self) -> dict[str, SpikeConv]:
        """Return the layers in their order."""
        return dict(widen=self.widen, narrow=self.narrow)


@MODELS.register_module()
class ChannelMLP(ChannelConv):
    """The MLP of transformer blocks: :class:`ChannelConv` with 1x1 kernels and biases.

    Args:
        channels: Channels of input and output.
        ratio: Ratio of hidden channels to channels.
        reads_spikes: See :class:`ChannelConv`.
    """

    def __init__(
        self,
        channels: int,
        ratio: int = 4,
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        reads_spikes: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            channels,
            ratio,
            kernel_size=1,
            bias=True,
            neuron_cfg=neuron_cfg,
            norm_cfg=norm_cfg,
            reads_spikes=reads_spikes,
            init_cfg=init_cfg,
        )
