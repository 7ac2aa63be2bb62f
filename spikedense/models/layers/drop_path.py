"""Stochastic depth on maps with a time axis."""

from torch import Tensor, nn


class DropPath(nn.Module):
    """Drops a residual branch per sample, for all time steps at once.

    Args:
        rate: Probability of dropping; a branch that is kept is scaled by ``1 / (1 - rate)``.
    """

    def __init__(self, rate: float = 0.0) -> None:
        super().__init__()
        if not 0 <= rate < 1:
            raise ValueError(f'drop_path_rate={rate!r}, expected 0 <= rate < 1')
        self.rate = rate

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, ...] -> [T, B, ...]``."""
        if self.rate == 0 or not self.training:
            return x
        keep = 1 - self.rate
        mask = x.new_empty((1, x.size(1)) + (1,) * (x.dim() - 2)).bernoulli_(keep)
        return x * mask.div_(keep)

    def extra_repr(self) -> str:
        return f'rate={self.rate:g}'
