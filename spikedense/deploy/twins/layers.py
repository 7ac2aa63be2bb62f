"""Twins of torch's weighted layers."""

from typing import Any

from torch import Tensor, nn

from .planes import accumulate
from .table import twin_of


@twin_of(nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
class AccumulatingLayer(nn.Module):
    """A convolution or linear layer that reads binary spikes in D steps and adds its bias once.

    Args:
        layer: The layer. Its bias moves to the twin.
        levels: Number of virtual steps D of the layer's input.
    """

    def __init__(self, layer: Any, levels: tuple[int, ...]) -> None:
        super().__init__()
        (self.levels,) = levels[:1]
        self.bias = layer.bias
        layer.bias = None
        self.synapses = layer

    @property
    def weight(self) -> Tensor:
        """Weights of the layer."""
        return self.synapses.weight

    def forward(self, x: Tensor) -> Tensor:
        """``[N * D, ...] -> [N, ...]``."""
        y = accumulate(self.synapses(x), self.levels)
        if self.bias is None:
            return y
        vector = y.dim() == 2 or isinstance(self.synapses, nn.Linear)
        return y + (self.bias if vector else self.bias[:, None, None])
