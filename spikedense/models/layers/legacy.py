"""The released Spike2Former's slips of tensor layout, needed to run its checkpoints."""

from torch import Tensor


def tokens_as_map(x: Tensor) -> Tensor:
    """Takes the numbers of a channels-first map for those of a channels-last one.

    The memory of ``[C, H, W]`` is read as ``[H, W, C]``, and the result given the axes of a map
    again, so that channels and places are mixed.

    Args:
        x: ``[T, B, C, H, W]``.

    Returns:
        ``[T, B, C, H, W]``, the same numbers at other places.
    """
    t, b, c, h, w = x.shape
    return x.reshape(t, b, h, w, c).permute(0, 1, 4, 2, 3)


def map_as_tokens(x: Tensor) -> Tensor:
    """Undoes :func:`tokens_as_map`: channels-last numbers taken for channels-first ones.

    Args:
        x: ``[T, B, C, H, W]``.

    Returns:
        ``[T, B, C, H, W]``, the same numbers at other places.
    """
    return x.permute(0, 1, 3, 4, 2).reshape(x.shape)
