"""How the values of a map are shown. Numbers are never computed on what is shown."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

#: Larger maps are drawn as means over blocks: print does not show more, and files stay small.
LARGEST = 256


def relative(map: np.ndarray) -> np.ndarray:
    """Return ``v / max``."""
    return map / (map.max() or 1)


def logarithmic(map: np.ndarray) -> np.ndarray:
    """Return ``log10(1 + v / mean)``."""
    return np.log10(1 + map / (map.mean() or 1))


def ranks(map: np.ndarray) -> np.ndarray:
    """Return the part of the pixels that have a smaller value."""
    return (rankdata(map, 'min').reshape(map.shape) - 1) / map.size


class Display(NamedTuple):
    """A way to show maps.

    Args:
        show: Values to show, ``[H, W]`` of a map ``[H, W]``.
        label: What the scale means; ``v`` is a value of the map.
        highest: Upper end of the scale; None means the largest value that is shown.
    """

    show: Callable[[np.ndarray], np.ndarray]
    label: str
    highest: float | None


DISPLAYS = {
    'linear': Display(relative, 'v / max', 1.0),
    'log': Display(logarithmic, 'log₁₀(1 + v / mean)', None),
    'rank': Display(ranks, 'share of pixels < v', 1.0),
}


def downscaled(map: np.ndarray, largest: int = LARGEST) -> np.ndarray:
    """Return the means over square blocks of pixels, so that no side is longer than ``largest``.

    Args:
        map: ``[H, W]``.
        largest: Longest side. A smaller map is returned as it is.
    """
    block = -(-max(map.shape) // largest)
    starts = [np.arange(0, side, block) for side in map.shape]
    sums = np.add.reduceat(np.add.reduceat(map, starts[0], 0), starts[1], 1)
    # The last block of a side may be smaller.
    sides = [np.diff([*start, n]) for start, n in zip(starts, map.shape, strict=True)]
    return sums / np.outer(*sides)
