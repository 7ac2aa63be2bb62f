"""A synapse that hands on spikes to a membrane."""

from torch import Tensor, nn


class SpikeSynapse(nn.Module):
    """One fixed weight for all spikes: what they add to a membrane that other layers feed, too.

    Args:
        weight: The weight.
    """

    no_nir = 'a weight that all spikes share has no NIR node'

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, x: Tensor) -> Tensor:
        """Spikes ``[T, B, ...]`` -> a current of the same shape."""
        # Also a weight of 1 multiplies: the result is a current, no longer the spikes themselves.
        return x * self.weight

    def scale_operand(self, which: int, factor: float) -> None:
        """Fold a factor of the spikes into the weight."""
        self.weight *= factor

    def extra_repr(self) -> str:
        return f'weight={self.weight:g}'
