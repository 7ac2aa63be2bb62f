"""Numbers that describe an effective receptive field.

``map`` is a map ``[H, W]`` of values of at least 0, ``p = map / sum(map)`` is its share of each
pixel, ``N = H W`` is the number of pixels, and ``center`` is the row and the column of the pixel
that belongs to the output. All numbers are computed on the raw map. A map without mass, such as
that of a layer that never fires, has no shares: its numbers are ``nan``.
"""

import math
from collections.abc import Iterable, Sequence

import numpy as np

#: Shares of the mass for which areas are computed.
SHARES = (0.2, 0.3, 0.5, 0.95, 0.99)
#: Parts of the maximum above which pixels are counted.
PARTS = (0.01, 0.05, 0.1, 0.5)
#: A Gaussian is above this part of its maximum within 2.49 sigma (Luo et al. 2016).
LUO_PART = 0.0455
#: Sides of the grid of cells for the coverage.
CELLS = 7

#: Sums of many floats are a little below the share that they should reach.
_ROUNDING = 1e-12

Center = tuple[int, int]


def area_curve(map: np.ndarray, shares: Sequence[float], center: Center) -> np.ndarray:
    """Return the area of the smallest centred square that holds each share of the mass.

    The square of half side ``r`` holds the pixels with ``max(|i - m|, |j - n|) <= r``, and its side
    is ``s = 2 r + 1`` (the convention of RepLKNet): ``s^2 / N`` for the smallest ``r`` with
    ``sum(p in square) >= t``. Of a square that reaches over the border, only the part inside of the
    image counts, so that 1 is the largest value.

    Args:
        map: ``[H, W]``.
        shares: Values of ``t``, from 0 to 1.
        center: Row ``m`` and column ``n``.

    Returns:
        ``[len(shares)]``.
    """
    rows, columns = _offsets(map.shape, center)
    radius = np.maximum(np.abs(rows), np.abs(columns))  # [H, W]
    mass = np.cumsum(np.bincount(radius.ravel(), weights=map.ravel()))
    pixels = np.cumsum(np.bincount(radius.ravel()))
    return _reaching(mass, pixels / map.size, shares)


def mass_area_curve(map: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Return the smallest part of all pixels, at any place, that holds each share of the mass.

    The value differs from that of :func:`area_curve` for a field of several bands.

    Args:
        map: ``[H, W]``.
        shares: Values of ``t``, from 0 to 1.

    Returns:
        ``[len(shares)]``.
    """
    mass = np.cumsum(np.sort(map, axis=None)[::-1])
    return _reaching(mass, np.arange(1, map.size + 1) / map.size, shares)


def _reaching(mass: np.ndarray, areas: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Return the first area whose mass reaches each share of the last mass."""
    if mass[-1] <= 0:
        return np.full(len(shares), math.nan)
    wanted = np.asarray(shares) * (1 - _ROUNDING) * mass[-1]
    return areas[np.searchsorted(mass, wanted)]


def above(map: np.ndarray, part: float) -> float:
    """Return the part of the pixels with ``map > part * max(map)``."""
    if map.max() <= 0:
        return math.nan
    return float((map > part * map.max()).mean())


def luo_size(map: np.ndarray, center: Center) -> float:
    """Return ``sqrt(number of pixels with map > 0.0455 map[center])`` (Luo et al. 2016)."""
    if map.max() <= 0:
        return math.nan
    return math.sqrt((map > LUO_PART * map[center]).sum())


def rms_radius(map: np.ndarray, center: Center) -> float:
    """Return ``sqrt(sum p ((i - m)^2 + (j - n)^2))``, in pixels, with ``m, n`` the centre."""
    rows, columns = _offsets(map.shape, center)
    return math.sqrt((_shares(map) * (rows**2 + columns**2)).sum())


def rms_radius_ratio(map: np.ndarray, center: Center) -> float:
    """Return :func:`rms_radius` divided by its value for a uniform map."""
    return rms_radius(map, center) / rms_radius(np.ones(map.shape), center)


def entropy_ratio(map: np.ndarray) -> float:
    """Return ``exp(-sum p log p) / N``; 1 is a field that sees all pixels equally."""
    shares = _shares(map)
    logs = np.log(shares, where=shares > 0, out=np.zeros(map.shape))
    return float(np.exp(-(shares * logs).sum()) / map.size)


def anisotropy(map: np.ndarray) -> float:
    """Return ``var_rows / var_columns`` of ``p``: above 1 for a tall field, below 1 for a wide one.

    The value is infinite for a field of one column.
    """
    rows, columns = (moments(map.sum(axis))[1] for axis in (1, 0))
    if columns == 0:
        return math.inf if rows > 0 else math.nan
    return rows / columns


def drift(map: np.ndarray, center: Center) -> float:
    """Return the distance between the centroid of ``p`` and the centre, in pixels."""
    row, column = (moments(map.sum(axis))[0] for axis in (1, 0))
    return math.hypot(row - center[0], column - center[1])


def coverage(map: np.ndarray, cells: int = CELLS) -> float:
    """Return the part of a grid of ``k x k`` cells of which each holds ``1 / (2 k^2)`` of ``p``.

    Args:
        map: ``[H, W]``.
        cells: The ``k``. Cells of a side that ``k`` does not divide differ by one pixel.
    """
    if map.sum() <= 0:
        return math.nan
    k = min(cells, *map.shape)
    starts = [np.arange(k) * side // k for side in map.shape]
    mass = np.add.reduceat(np.add.reduceat(_shares(map), starts[0], 0), starts[1], 1)  # [k, k]
    return float((mass >= (1 - _ROUNDING) / (2 * k * k)).mean())


def temporal_share(delays: np.ndarray) -> np.ndarray:
    """Return ``R(tau) / sum R``, ``[T]``.

    Args:
        delays: ``R(tau)``, ``[T]``, from ``tau = 0``.
    """
    return _shares(delays)


def memory(delays: np.ndarray) -> float:
    """Return the mean delay ``sum tau R(tau) / sum R``, in time steps."""
    return moments(delays)[0]


def half_life(delays: np.ndarray) -> float:
    """Return the first ``tau`` with ``R(tau) <= R(0) / 2``; infinite if there is none.

    Args:
        delays: ``R(tau)``, ``[T]``, from ``tau = 0``.
    """
    if not np.any(delays > 0):
        return math.nan
    short = np.flatnonzero(delays <= delays[0] / 2)
    return float(short[0]) if short.size else math.inf


def spatial_metrics(map: np.ndarray, center: Center) -> dict[str, float]:
    """Return all numbers of a map in space.

    Args:
        map: ``[H, W]``.
        center: Row and column.

    Returns:
        Name -> number, with names such as ``area@0.5``.
    """
    areas, mass_areas = area_curve(map, SHARES, center), mass_area_curve(map, SHARES)
    return {
        **{f'area@{share:g}': float(area) for share, area in zip(SHARES, areas, strict=True)},
        **{f'mass_area@{t:g}': float(area) for t, area in zip(SHARES, mass_areas, strict=True)},
        **{f'above@{part:g}': above(map, part) for part in PARTS},
        'luo_size': luo_size(map, center),
        'rms_radius': rms_radius(map, center),
        'rms_radius_ratio': rms_radius_ratio(map, center),
        'entropy_ratio': entropy_ratio(map),
        'anisotropy': anisotropy(map),
        'drift': drift(map, center),
        f'coverage_{CELLS}': coverage(map),
    }


def temporal_metrics(delays: np.ndarray) -> dict[str, float]:
    """Return all numbers of a field in time.

    Args:
        delays: ``R(tau)``, ``[T]``, from ``tau = 0``.

    Returns:
        Name -> number. ``temporal_share@2`` is the share of the delay of 2 steps.
    """
    shares = {f'temporal_share@{tau}': float(x) for tau, x in enumerate(temporal_share(delays))}
    return {'memory': memory(delays), 'half_life': half_life(delays), **shares}


def _shares(values: np.ndarray) -> np.ndarray:
    total = values.sum()
    return values / total if total > 0 else np.full(values.shape, math.nan)


def moments(values: np.ndarray) -> tuple[float, float]:
    """Return the mean and the variance of the index, ``[n]`` weighted by the values."""
    shares, index = _shares(values), np.arange(len(values))
    mean = (shares * index).sum()
    return float(mean), float((shares * (index - mean) ** 2).sum())


def _offsets(shape: Iterable[int], center: Center) -> tuple[np.ndarray, np.ndarray]:
    """Return the offsets of all pixels from the centre, ``[H, 1]`` and ``[1, W]``."""
    height, width = shape
    return np.arange(height)[:, None] - center[0], np.arange(width)[None] - center[1]
