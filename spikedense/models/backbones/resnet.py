"""What the residual networks share: sizes by name, and chains of convolutions and neurons."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import build_neuron

from ..layers import SpikeConv
from .arch import named_arch

#: Depths of the sizes that the networks share.
DEPTHS: dict[int, tuple[int, ...]] = {
    18: (2, 2, 2, 2),
    34: (3, 4, 6, 3),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
}


def read_arch(backbone: Any, arch: int | Mapping[str, Any], **defaults: Any) -> dict[str, Any]:
    """Return the settings of a size.

    Args:
        backbone: The backbone, with the table ``arch_zoo``.
        arch: A name in the table; or ``depths``, a number of blocks for each stage, and settings.
        **defaults: The settings that a size may have besides ``depths``, and their defaults.
    """
    arch = named_arch(backbone, arch, 'depths')
    depths = arch.get('depths')
    if not isinstance(depths, Sequence) or not depths or min(depths) < 1:
        raise ValueError(f'arch: depths={depths!r}, expected a number of blocks for each stage')
    unknown = [key for key in arch if key not in ('depths', *defaults)]
    if unknown:
        raise ValueError(
            f'arch={dict(arch)}, expected depths and, optionally, {", ".join(defaults)}'
        )
    return {**defaults, **arch}


def stage_widths(arch: Mapping[str, Any]) -> list[int]:
    """Return the width of each stage, which doubles from stage to stage."""
    return [arch['base_channels'] * 2**i for i in range(len(arch['depths']))]


class ConvNeurons(BaseModule):
    """Convolutions with norms, and a neuron behind each of them or behind all but the last one.

    Args:
        convs: Layers without neurons, in running order.
        num_neurons: Number of neurons.
        neuron_cfg: The neuron.
    """

    def __init__(self, convs: Sequence[SpikeConv], num_neurons: int, neuron_cfg: dict) -> None:
        super().__init__()
        self.convs = nn.ModuleList(convs)
        self.neurons = nn.ModuleList(
            build_neuron(neuron_cfg, conv.conv.out_channels) for conv in convs[:num_neurons]
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C_in, H, W] -> [T, B, C_out, H', W']``."""
        for i, conv in enumerate(self.convs):
            x = conv(x)
            if i < len(self.neurons):
                x = self.neurons[i](x)
        return x
