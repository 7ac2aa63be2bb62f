"""Made-up effective receptive fields for the tests of figures and pages."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from spikedense.analysis.erf import ERFResult

SIZE = (16, 20)
#: A name that would break a page, a file name and mathematical notation.
HOSTILE = 'a<b&"c" $x_/é'


def gaussian(center: tuple[int, int], sigma: float) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.exp(-((rows - center[0]) ** 2 + (columns - center[1]) ** 2) / (2 * sigma**2))


def made_up(
    model: str,
    layers: Sequence[str] = ('stage0', 'stage1'),
    steps: int = 3,
    decay: float = 0.5,
    **changes: Any,
) -> ERFResult:
    """Gaussians that are wider from layer to layer, and halve from step to step into the past."""
    center = (8, 10)
    fading = decay ** np.arange(steps)[::-1, None, None]
    fields: dict[str, Any] = dict(
        model=model,
        maps={name: 1e-6 * fading * gaussian(center, 1.5 + i) for i, name in enumerate(layers)},
        centers=dict.fromkeys(layers, center),
        sizes=dict.fromkeys(layers, (4, 5)),
        t_out='last',
        num_images=7,
        inputs='noise',
        reduce='sum',
        neurons={'LIF(tau=2.0)': '12 neurons, gradient: Sigmoid(alpha=4.0)'},
    )
    return ERFResult(**{**fields, **changes})
