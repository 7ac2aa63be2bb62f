"""The figure of the row and the column of a map through its centre, with Gaussian fits."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from matplotlib.lines import Line2D

from spikedense.utils.wording import shorten

from .alignment import file_name, pages
from .canvas import COLUMN, LINE, Canvas, letters_in
from .plot import Plot, Table
from .profiles import Gaussian, center_profiles, fit_gaussian
from .result import ERFResult

_LAYERS = 4  # of a figure, at most
_VALUES, _FIT = '#0072B2', '#D55E00'
# In inches.
_LEFT, _RIGHT, _GAP = 0.45, 0.1, 0.16
_TOP, _LAYER, _FITTED, _PANEL, _TICKS, _LABEL = 0.42, 0.17, 0.17, 0.9, 0.27, 0.2
_STEP = _LAYER + _FITTED + _PANEL + _TICKS
_LEGEND_STYLE: Any = dict(
    loc='upper left', frameon=False, borderpad=0, borderaxespad=0, handlelength=2, columnspacing=1.4
)


def profile_plots(result: ERFResult) -> list[Plot]:
    """Return the figures of the profiles of a model, with up to four layers each.

    Args:
        result: The fields of the model.
    """
    parts = pages(list(result.maps), _LAYERS)
    plots = []
    for index, layers in enumerate(parts, 1):
        number = [str(index)] if len(parts) > 1 else []
        plots.append(
            Plot(
                name=file_name(['profiles', result.model, *number]),
                title=f'{result.model}: profiles through the centre',
                caption='Row (left) and column (right) of the mean |gradient| through the centre, '
                'divided by the largest value of the map; a Gaussian of mean μ and deviation σ is '
                'fitted to each one by least squares. R² is the part of the variance that the '
                'Gaussian explains.',
                width=COLUMN,
                height=_TOP + len(layers) * _STEP + _LABEL,
                draw=partial(_draw, result=result, layers=layers),
                table=_table(result, layers),
                model=result.model,
            )
        )
    return plots


def _draw(canvas: Canvas, result: ERFResult, layers: Sequence[str]) -> None:
    kinds = [
        Line2D([], [], color=_VALUES, linewidth=0.9, label='values'),
        Line2D([], [], color=_FIT, linestyle='--', label='Gaussian'),
        Line2D([], [], color=LINE, linestyle=':', linewidth=0.8, label='centre'),
    ]
    canvas.title(_LEFT, 0.12, result.model)
    place = (_LEFT / canvas.width, 1 - 0.24 / canvas.height)
    canvas.figure.legend(handles=kinds, bbox_to_anchor=place, ncols=3, **_LEGEND_STYLE)
    width = (canvas.width - _LEFT - _RIGHT - _GAP) / 2
    for index, layer in enumerate(layers):
        top = _TOP + index * _STEP
        title = shorten(layer, letters_in(canvas.width - _LEFT - _RIGHT))
        canvas.write(_LEFT, top + _LAYER / 2, title)
        map, center = result.spatial(layer), result.centers[layer]
        for column, profile in enumerate(center_profiles(map, center)):
            left = _LEFT + column * (width + _GAP)
            axes = canvas.axes(left, top + _LAYER + _FITTED, width, _PANEL)
            _draw_profile(axes, profile, map.max() or 1, center[1 - column])
            axes.tick_params(labelleft=column == 0)
    bottom = _TOP + len(layers) * _STEP
    for column, label in enumerate(('column of the input, px', 'row of the input, px')):
        middle = _LEFT + column * (width + _GAP) + width / 2
        canvas.write(middle, bottom + 0.05, label, ha='center')
    canvas.write(0.1, (_TOP + bottom) / 2, 'mean |gradient| / max', ha='center', rotation=90)


def _draw_profile(axes: Any, profile: np.ndarray, highest: float, center: int) -> None:
    """Draw a profile with the Gaussian that fits it."""
    axes.axvline(center, color=LINE, linewidth=0.8, linestyle=':', zorder=1)
    axes.plot(profile / highest, color=_VALUES, linewidth=0.9)
    fit = fit_gaussian(profile)
    if fit is None:
        (line,) = axes.plot([], [], '--', color=_FIT, label='no Gaussian')
    else:
        x = np.linspace(0, len(profile) - 1, 400)
        label = f'μ {fit.mean:.1f}, σ {fit.sigma:.1f} px'
        (line,) = axes.plot(x, fit(x) / highest, '--', color=_FIT, label=label)
    axes.legend(handles=[line], bbox_to_anchor=(0, 1.02), **{**_LEGEND_STYLE, 'loc': 'lower left'})
    axes.set(xlim=(0, len(profile) - 1), ylim=(0, 1.05), yticks=(0, 0.5, 1))
    axes.spines[['top', 'right']].set_visible(False)
    axes.tick_params(pad=2)


def _table(result: ERFResult, layers: Sequence[str]) -> Table:
    rows = []
    for layer in layers:
        profiles = center_profiles(result.spatial(layer), result.centers[layer])
        for kind, profile in zip(('row', 'column'), profiles, strict=True):
            rows.append((shorten(layer, 20), kind, *_numbers(profile, fit_gaussian(profile))))
    return Table(('layer', 'profile', 'μ, px', 'σ, px', 'R²'), rows, 'llrrr')


def _numbers(profile: np.ndarray, fit: Gaussian | None) -> tuple[str, str, str]:
    if fit is None:
        return ('–', '–', '–')
    rest = profile - fit(np.arange(len(profile)))
    explained = 1 - (rest**2).sum() / ((profile - profile.mean()) ** 2).sum()
    return (f'{fit.mean:.1f}', f'{fit.sigma:.1f}', f'{explained:.3f}')
