"""Interpolation of maps with a time axis."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

from .time import fold_time, unfold_time


def resize_maps(
    x: Tensor,
    size: Sequence[int] | None = None,
    scale_factor: int | None = None,
    mode: str = 'bilinear',
    align_corners: bool | None = None,
) -> Tensor:
    """Interpolate maps to another size.

    Args:
        x: ``[T, B, C, H, W]``.
        size: Height and width of the result.
        scale_factor: Factor on height and width, used if ``size`` is None.
        mode: ``'bilinear'`` or ``'nearest'``.
        align_corners: See ``torch.nn.functional.interpolate``; for bilinear maps only.

    Returns:
        ``[T, B, C, H', W']``.
    """
    if mode == 'bilinear' and align_corners is None:
        align_corners = False
    y = F.interpolate(
        fold_time(x),
        size=None if size is None else tuple(size),
        scale_factor=scale_factor,
        mode=mode,
        align_corners=align_corners,
    )
    return unfold_time(y, x.size(0))
