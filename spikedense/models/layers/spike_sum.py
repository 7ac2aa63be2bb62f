"""Sums of spikes, as some published networks have them (SEW-ResNet, Spikformer, QKFormer)."""

from torch import Tensor, nn


class SpikeSum(nn.Module):
    """The sum of two spiking maps: an integer up to ``n + m`` for spikes up to n and m.

    Both neurons must have the same scale. The sum is a module, so that spike-driven inference can
    replace it: there, the spikes of both are sent one after the other.
    """

    no_nir = 'a sum of spikes has no NIR node'

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """``[T, B, ...], [T, B, ...] -> [T, B, ...]``."""
        return x + y

    def scale_operand(self, which: int, factor: float) -> None:
        """Do nothing: a factor on the spikes is a factor on the sum, which its reader takes."""
