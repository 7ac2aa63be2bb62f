"""A gate of spikes for each channel."""

from typing import Any

from mmcv.cnn import build_norm_layer
from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import binary_gate, build_neuron
from spikedense.ops import guarded_norm
from spikedense.utils.answers import Folding

from ..folding import fold_norm
from ..spike_conv import SpikeConv
from ..spike_product import SpikeProduct
from ..time import fold_time, over_time, unfold_time


class SpikeChannelGate(BaseModule):
    r"""Spike channel attention: spikes pass in the channels whose gate fires.

    .. math::
        s = \mathrm{SN}(x), \quad
        y = s \odot \mathrm{SN}_g\bigl(\mathrm{BN}(W \, \mathrm{mean}_{hw}(s))\bigr)

    The projection W is linear, so it runs in front of the mean, where it reads spikes. The mean is
    the only multiplication, one for each channel and step. The output is spikes.

    Args:
        channels: Channels of input and output.
        neuron_cfg: Neuron of the input. The gate has the same neuron, with D = 1.
        norm_cfg: Norm of the projected means.
    """

    def __init__(self, channels: int, *, neuron_cfg: dict[str, Any], norm_cfg: dict) -> None:
        super().__init__()
        self.neuron = build_neuron(neuron_cfg, channels)
        self.proj = SpikeConv(channels, channels, bias=False)
        self.norm: nn.Module | None = build_norm_layer(norm_cfg, channels)[1]
        self.gate_neuron = build_neuron(binary_gate(neuron_cfg), channels)
        self.mask = SpikeProduct()

    def forward(self, x: Tensor) -> Tensor:
        """Membranes ``[T, B, C, H, W]`` -> spikes ``[T, B, C, H, W]``."""
        s = self.neuron(x)
        current = self.proj(s).mean((-2, -1), keepdim=True)  # [T, B, C, 1, 1]
        norm = self.norm
        if norm is not None:
            current = over_time(lambda y: guarded_norm(norm, y), current)
        gate = self.gate_neuron(current)
        return unfold_time(self.mask(fold_time(s), fold_time(gate)), len(x))

    def fold_norm(self) -> list[Folding]:
        """Fold the norm into the projection; both commute with the mean."""
        if self.norm is None:
            return []
        fold_norm(self.proj.conv, self.norm)
        self.norm = None
        return [Folding('norm', '')]
