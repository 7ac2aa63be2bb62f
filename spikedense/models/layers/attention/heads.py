"""Maps as the heads of an attention, and back."""

from torch import Tensor

from ..time import fold_time, unfold_time


def check_heads(channels: int, num_heads: int) -> None:
    """Check that the channels can be split into heads.

    Args:
        channels: Width.
        num_heads: Number of heads.

    Raises:
        ValueError: The number of heads does not divide the width.
    """
    if channels % num_heads:
        raise ValueError(f'num_heads={num_heads}, expected a divisor of {channels} channels')


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """``[T, B, C, H, W] -> [T*B, heads, C/heads, N]``; the heads are contiguous channels."""
    return fold_time(x).flatten(2).unflatten(1, (num_heads, -1))


def merge_heads(x: Tensor, like: Tensor) -> Tensor:
    """``[T*B, heads, d_v, N] -> [T, B, heads*d_v, H, W]``, time and places those of ``like``."""
    return unfold_time(x.flatten(1, 2).unflatten(2, like.shape[-2:]), like.size(0))
