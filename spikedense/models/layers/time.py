"""The time axis: the only place where it is merged into the batch and split off again."""

from torch import Tensor


def fold_time(x: Tensor) -> Tensor:
    """Merges time into the batch: ``[T, B, ...] -> [T*B, ...]``."""
    return x.flatten(0, 1)


def unfold_time(x: Tensor, T: int) -> Tensor:
    """Splits time off the batch: ``[T*B, ...] -> [T, B, ...]``."""
    # The quotient, not -1: a batch of none (no RoIs) has to keep its graph.
    return x.unflatten(0, (T, x.size(0) // T))


def with_time(x: Tensor) -> Tensor:
    """Gives a plain map its time axis: ``[B, C, H, W] -> [1, B, C, H, W]``; clips pass."""
    return x.unsqueeze(0) if x.dim() == 4 else x
