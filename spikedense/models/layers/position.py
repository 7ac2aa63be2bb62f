"""Positions of tokens."""

import torch
from mmengine.registry import MODELS
from torch import Tensor


def sine_positions(x: Tensor) -> Tensor:
    """Sine encoding of the places of a map, normalised to its size (DETR's, from mmdet).

    Half of the channels encode y, the others x. Computed in float32.

    Args:
        x: ``[T, B, C, H, W]``; only its shape, device and dtype are read.

    Returns:
        ``[C, H, W]``.
    """
    encoding = MODELS.build(
        dict(type='mmdet.SinePositionalEncoding', num_feats=x.size(2) // 2, normalize=True)
    )
    valid = x.new_zeros((1, *x.shape[-2:]), dtype=torch.bool)
    return encoding(valid)[0].to(x.dtype)
