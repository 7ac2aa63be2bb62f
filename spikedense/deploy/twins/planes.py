"""Virtual steps in the batch axis: row ``n * D + d`` is image n at virtual step d."""

from torch import Tensor


def planes_of(x: Tensor, levels: int) -> Tensor:
    """Split the virtual steps off the batch axis: ``[N * D, ...] -> [N, D, ...]``."""
    return x.unflatten(0, (x.size(0) // levels, levels))


def accumulate(x: Tensor, levels: int) -> Tensor:
    """Add up the virtual steps: ``[N * D, ...] -> [N, ...]``."""
    return x if levels == 1 else planes_of(x, levels).sum(1)
