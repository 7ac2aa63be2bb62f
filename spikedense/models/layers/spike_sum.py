"""Sums of spikes, as in SEW-ResNet, Spikformer and QKFormer, and the way back to a membrane."""

from torch import Tensor, nn


class SpikeSum(nn.Module):
    """The sum of two spiking maps: integers up to ``n + m`` for spikes up to n and up to m.

    Both neurons must have the same scale. The sum is a module, so that spike-driven inference can
    replace it by a module that sends the spikes of both neurons one after the other.
    """

    no_nir = 'a sum of spikes has no NIR node'

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """``[T, B, ...], [T, B, ...] -> [T, B, ...]``."""
        return x + y

    def scale_operand(self, which: int, factor: float) -> None:
        """Change nothing: the reader of the sum takes the factor."""


class SpikeTap(nn.Module):
    """A synapse with one weight for all spikes: it adds spikes to a membrane potential.

    A stage whose output is spikes or a sum of spikes ends in this layer. So necks and heads read a
    membrane potential from every backbone, and spike-driven inference accumulates the virtual steps
    here.
    """

    no_nir = 'a weight that all spikes share has no NIR node'

    def __init__(self) -> None:
        super().__init__()
        self.weight = 1.0

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, ...] -> [T, B, ...]``."""
        # Also for the weight 1: a trace sees a potential, and a copy costs little.
        return x * self.weight

    def scale_operand(self, which: int, factor: float) -> None:
        """Fold a factor of the spikes into the weight."""
        self.weight *= factor

    def extra_repr(self) -> str:
        return f'weight={self.weight:g}'
