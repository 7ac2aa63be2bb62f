"""Sums of spikes, as in SEW-ResNet, Spikformer and QKFormer."""

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
