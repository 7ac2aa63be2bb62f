"""Splits maps into the heads of an attention, and merges the heads."""

from torch import Tensor

from ..time import fold_time, unfold_time


def check_heads(channels: int, num_heads: int) -> None:
    """Check that the channels can be split into heads.

    Args:
        channels: Number of channels.
        num_heads: Number of heads.

    Raises:
        ValueError: The number of heads is no integer, or no divisor of the number of channels.
    """
    if not isinstance(num_heads, int) or num_heads < 1 or channels % num_heads:
        raise ValueError(f'num_heads={num_heads!r}, expected a divisor of {channels} channels')


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """Split: ``[T, B, C, H, W] -> [T*B, heads, C/heads, N]``; heads are contiguous channels."""
    return fold_time(x).flatten(2).unflatten(1, (num_heads, -1))


def merge_heads(x: Tensor, like: Tensor) -> Tensor:
    """Merge: ``[T*B, heads, d_v, N] -> [T, B, heads*d_v, H, W]``, T, H and W as in ``like``."""
    return unfold_time(x.flatten(1, 2).unflatten(2, like.shape[-2:]), like.size(0))
