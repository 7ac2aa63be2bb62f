"""The time axis: the only place where it is merged into the batch and split off again."""

from collections.abc import Callable

import torch
from torch import Tensor

HALF = (torch.float16, torch.bfloat16)


def fold_time(x: Tensor) -> Tensor:
    """Merges time into the batch: ``[T, B, ...] -> [T*B, ...]``."""
    return x.flatten(0, 1)


def unfold_time(x: Tensor, T: int) -> Tensor:
    """Splits time off the batch: ``[T*B, ...] -> [T, B, ...]``."""
    # The quotient, not -1: a batch of none (no RoIs) has to keep its graph.
    return x.unflatten(0, (T, x.size(0) // T))


def over_time(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Runs what knows no time axis on all steps: ``[T, B, ...] -> [T, B, ...]``."""
    return unfold_time(layer(fold_time(x)), x.size(0))


def mean_over_time(x: Tensor) -> Tensor:
    """Ends the time axis: ``[T, ...] -> [...]``.

    Half precision is averaged in, and left at, float32: what follows are losses, boxes whose
    coordinates it could not tell apart, and ops of mmcv that do not know it.
    """
    return x.mean(0, dtype=torch.float32 if x.dtype in HALF else None)


def with_time(x: Tensor) -> Tensor:
    """Gives a plain map its time axis: ``[B, C, H, W] -> [1, B, C, H, W]``; clips pass."""
    return x.unsqueeze(0) if x.dim() == 4 else x
