"""The profiles of a field through its centre, and a Gaussian that fits them."""

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import curve_fit

from .metrics import Center, moments


class Gaussian(NamedTuple):
    """``amplitude * exp(-(x - mean)^2 / (2 sigma^2))``, with ``x`` in pixels."""

    amplitude: float
    mean: float
    sigma: float

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return the values at places ``x``, in pixels."""
        return _gaussian(x, *self)


def center_profiles(map: np.ndarray, center: Center) -> tuple[np.ndarray, np.ndarray]:
    """Return the row ``[W]`` and the column ``[H]`` of the map that go through the centre."""
    return map[center[0]], map[:, center[1]]


def fit_gaussian(profile: np.ndarray) -> Gaussian | None:
    """Fit a Gaussian to a profile, by least squares.

    Args:
        profile: Values at the pixels 0, 1, ...

    Returns:
        The Gaussian; None if the profile has fewer than three pixels with a value, or if no
        Gaussian fits.
    """
    if (profile > 0).sum() < 3:
        return None
    height = float(profile.max())
    mean, variance = moments(profile)
    x = np.arange(len(profile), dtype=np.float64)
    try:
        # The profile is scaled to 1: gradients may be so small that the solver would stop at once.
        start = (1.0, mean, math.sqrt(variance))
        (amplitude, mean, sigma), _ = curve_fit(_gaussian, x, profile / height, start)
    except RuntimeError:  # the solver has not converged
        return None
    return Gaussian(float(amplitude) * height, float(mean), abs(float(sigma)))


def _gaussian(x: np.ndarray, amplitude: float, mean: float, sigma: float) -> np.ndarray:
    return amplitude * np.exp(-((x - mean) ** 2) / (2 * sigma**2))
