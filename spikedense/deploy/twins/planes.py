"""Virtual steps: they ride on the batch axis, the fastest of it."""

from torch import Tensor


def planes_of(x: Tensor, levels: int) -> Tensor:
    """Give the virtual steps an axis of their own: ``[N * D, ...] -> [N, D, ...]``."""
    return x.unflatten(0, (x.size(0) // levels, levels))


def accumulate(x: Tensor, levels: int) -> Tensor:
    """Add up what the virtual steps have brought: ``[N * D, ...] -> [N, ...]``."""
    return x if levels == 1 else planes_of(x, levels).sum(1)
