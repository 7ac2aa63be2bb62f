"""Figures that compare models: areas over the share of the mass, and fields in time."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from .canvas import LINE
from .metrics import SHARES, area_curve
from .panels import Curves, panel_plots, style
from .plot import Plot
from .result import ERFResult
from .wording import metric_text

_SHARES = np.linspace(0, 1, 101).tolist()
_DELAY_NUMBERS = ('half_life', 'memory', 'temporal_share@0')
_TICKS = dict(xticks=(0, 0.5, 1), xticklabels=['0', '0.5', '1'])


def area_plots(results: Sequence[ERFResult]) -> list[Plot]:
    """Return the figures of the area that holds each share of the mass (``area@t`` over ``t``).

    Args:
        results: One result for each model.
    """
    heads = [f'area@{share:g}' for share in SHARES]
    curves = Curves(
        name='areas',
        title='Area over the share of the gradient',
        caption='Area of the smallest square around the centre that holds the share t of the mean '
        '|gradient|, as a share of the input. The curve of a small field stays low.',
        xlabel='share t of the mean |gradient|',
        ylabel='area@t / area of the input',
        draw=_draw_areas,
        heads=heads,
        numbers=lambda result, layer: _cells(result, layer, heads),
        reference='uniform field',
        settings=dict(xlim=(0, 1.01), ylim=(0, 1.03), yticks=(0, 0.5, 1), **_TICKS),
    )
    return panel_plots(dict(enumerate(results)), curves)


def _draw_areas(axes: Any, place: int, result: ERFResult, layer: str) -> None:
    map, center = result.spatial(layer), result.centers[layer]
    uniform = area_curve(np.ones(map.shape), _SHARES, center)
    axes.plot(_SHARES, uniform, color=LINE, linewidth=0.8, linestyle=':', zorder=1)
    # Markers of different models stand at different places.
    marks = (3 + 4 * (place % 5), 20)
    axes.plot(_SHARES, area_curve(map, _SHARES, center), markevery=marks, **style(place))


def delay_plots(results: Sequence[ERFResult]) -> list[Plot]:
    """Return the figures of the fields in time, ``R(tau)``; none if no model has one.

    Args:
        results: One result for each model. Those without a time axis are left out.
    """
    there = {place: result for place, result in enumerate(results) if result.has_delays}
    if not there:
        return []
    curves = Curves(
        name='delays',
        title='Field in time and its half-life',
        caption='R(τ): sum over the pixels of the mean |gradient| of the last output step with '
        'respect to the input τ steps before. The vertical line marks the half-life, the first τ '
        'with R(τ) ≤ R(0) / 2; ∞ means that there is none within the steps. Memory is the mean '
        'delay.',
        xlabel='delay τ, time steps',
        ylabel='R(τ) / R(0)',
        draw=_draw_delays,
        heads=['half-life, steps', 'memory, steps', 'R(0) / ΣR'],
        numbers=lambda result, layer: _cells(result, layer, _DELAY_NUMBERS),
        reference='one half',
        settings=dict(ylim=(0, None)),
    )
    return panel_plots(there, curves)


def _draw_delays(axes: Any, place: int, result: ERFResult, layer: str) -> None:
    delays = result.temporal(layer)
    look = style(place)
    axes.axhline(0.5, color=LINE, linewidth=0.8, linestyle=':', zorder=1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    if delays[0] <= 0:
        return  # R(tau) / R(0) does not exist
    heights = delays / delays[0]
    axes.plot(heights, **look)
    half = result.metrics(layer)['half_life']
    if math.isfinite(half):
        axes.vlines(half, 0, heights[int(half)], color=look['color'], linewidth=0.8)


def _cells(result: ERFResult, layer: str, keys: Sequence[str]) -> list[str]:
    found = result.metrics(layer)
    return [metric_text(key, found[key]) for key in keys]
