"""Position encoding of tokens."""

import torch
from mmengine.registry import MODELS
from torch import Tensor


def sine_positions(x: Tensor) -> Tensor:
    """Return the sine encoding of the places of a map, normalised to the map's size (DETR, mmdet).

    The first half of the channels encodes y, the second half x. Computed in float32.

    Args:
        x: ``[T, B, C, H, W]``; only shape, device and dtype are read.

    Returns:
        ``[C, H, W]``, in the dtype of ``x``.
    """
    encoding = MODELS.build(
        dict(type='mmdet.SinePositionalEncoding', num_feats=x.size(2) // 2, normalize=True)
    )
    valid = x.new_zeros((1, *x.shape[-2:]), dtype=torch.bool)
    return encoding(valid)[0].to(x.dtype)
