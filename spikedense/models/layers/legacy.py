"""Wrong tensor layouts of the released Spike2Former code, needed to run its checkpoints."""

from torch import Tensor


def tokens_as_map(x: Tensor) -> Tensor:
    """Read the memory of a channels-first map as if the map were channels-last.

    The memory of ``[C, H, W]`` is read as ``[H, W, C]``, then the axes are permuted to
    ``[C, H, W]``. This mixes channels and places.

    Args:
        x: ``[T, B, C, H, W]``.

    Returns:
        ``[T, B, C, H, W]``, the same numbers at other places.
    """
    t, b, c, h, w = x.shape
    return x.reshape(t, b, h, w, c).permute(0, 1, 4, 2, 3)


def map_as_tokens(x: Tensor) -> Tensor:
    """Undo :func:`tokens_as_map`: read the memory of a channels-last map as channels-first.

    Args:
        x: ``[T, B, C, H, W]``.

    Returns:
        ``[T, B, C, H, W]``, the same numbers at other places.
    """
    return x.permute(0, 1, 3, 4, 2).reshape(x.shape)
