"""Functions of the time axis. Only this file merges time into the batch and splits it off."""

from collections.abc import Callable

import torch
from torch import Tensor

HALF = (torch.float16, torch.bfloat16)


def fold_time(x: Tensor) -> Tensor:
    """Merge time into the batch: ``[T, B, ...] -> [T*B, ...]``."""
    if x.size(0) == 1:
        # Flattening would change the stride of a batch of one image. Then PyTorch's convolutions
        # on a CPU would not see that a map is channels_last.
        return x.squeeze(0)
    return x.flatten(0, 1)


def unfold_time(x: Tensor, T: int) -> Tensor:
    """Split time off the batch: ``[T*B, ...] -> [T, B, ...]``."""
    if T == 1:
        return x.unsqueeze(0)
    # The quotient instead of -1: an empty batch (no RoIs) must keep its graph.
    return x.unflatten(0, (T, x.size(0) // T))


def over_time(layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Run a layer without a time axis on all steps: ``[T, B, ...] -> [T, B, ...]``."""
    return unfold_time(layer(fold_time(x)), x.size(0))


def mean_over_time(x: Tensor) -> Tensor:
    """Average over time: ``[T, ...] -> [...]``.

    The mean of half-precision input is computed and returned in float32. The results go to losses,
    to box coordinates that need the precision, and to ops of mmcv without half precision.
    """
    return x.mean(0, dtype=torch.float32 if x.dtype in HALF else None)


def with_time(x: Tensor) -> Tensor:
    """Add a time axis to a map: ``[B, C, H, W] -> [1, B, C, H, W]``; do not change a clip."""
    return x.unsqueeze(0) if x.dim() == 4 else x
