"""Running firing rates, by which attentions normalise sums of spikes."""

import torch
from torch import Tensor, nn


class RunningRate(nn.Module):
    r"""The running mean of the squared spikes of each head.

    Of binary spikes this is the firing rate. A sum of n spikes with random weights of variance one
    has the variance n times the rate, so :math:`1 / \sqrt{n \cdot \mathrm{rate}}` normalises it.

    As the running statistics of a batch norm, the rate changes in training mode only. It is updated
    before it is used: ``rate = momentum * rate + (1 - momentum) * measured``. The first measured
    rate of a head is taken as it is. A head that has never fired counts as one of rate 1.

    Args:
        num_heads: Number of heads.
        momentum: Share of the old rate that an update keeps.
    """

    rate: Tensor

    def __init__(self, num_heads: int, momentum: float = 0.999) -> None:
        super().__init__()
        self.momentum = momentum
        # The shape of the official checkpoints.
        self.register_buffer('rate', torch.zeros(1, 1, num_heads, 1, 1))

    @torch.no_grad()
    def measure(self, spikes: Tensor) -> None:
        """Update the rate in training mode.

        Args:
            spikes: Spikes of one step and image a row, ``[N, heads, ...]``.
        """
        if not self.training:
            return
        axes = [axis for axis in range(spikes.dim()) if axis != 1]
        # The norm makes no copy of the spikes, which may be a large attention map.
        norm = torch.linalg.vector_norm(spikes, dim=axes, dtype=self.rate.dtype)
        measured = (norm.square() * norm.numel() / spikes.numel()).view_as(self.rate)
        moved = self.momentum * self.rate + (1 - self.momentum) * measured
        self.rate.copy_(torch.where(self.rate == 0, measured, moved))

    def factor(self) -> Tensor:
        """Return ``1 / sqrt(rate)`` of each head, ``[heads, 1, 1]``."""
        rate = self.rate[0, 0]
        return torch.where(rate == 0, torch.ones_like(rate), rate).rsqrt()

    def extra_repr(self) -> str:
        return f'{self.rate.numel()}, momentum={self.momentum:g}'
