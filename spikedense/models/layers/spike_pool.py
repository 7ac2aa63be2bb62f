"""Max pooling and padding of spikes or of membrane potentials."""

import torch.nn.functional as F
from torch import Tensor, nn

from .time import over_time


class SpikeMaxPool(nn.Module):
    """Max pooling without parameters; the padding never wins.

    The maximum of spikes is a spike: the output of a neuron is still spikes behind this layer. In
    spike-driven inference, the layer pools each virtual step by itself. This is exact for the
    spikes of a neuron, which sends an integer n at the first n virtual steps, but not for sums.

    Args:
        kernel_size: Side of the window.
        stride: Stride of the window.
        padding: Padding; None means ``kernel_size // 2``.
    """

    #: Spike-driven inference refuses sums and products of integers as the input.
    needs_one_neuron = True

    def __init__(self, kernel_size: int = 3, stride: int = 2, padding: int | None = None) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = kernel_size // 2 if padding is None else padding

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H', W']``."""
        return over_time(lambda y: F.max_pool2d(y, self.kernel_size, self.stride, self.padding), x)

    def extra_repr(self) -> str:
        return f'kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}'


class SpikePad(nn.Module):
    """Pads maps with zeros at the right and at the bottom; spikes stay spikes.

    Args:
        multiple: Height and width are padded up to a multiple of this number.
    """

    def __init__(self, multiple: int) -> None:
        super().__init__()
        self.multiple = multiple

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H', W']``."""
        bottom, right = (-side % self.multiple for side in x.shape[-2:])
        return F.pad(x, (0, right, 0, bottom)) if bottom or right else x

    def extra_repr(self) -> str:
        return f'multiple={self.multiple}'
