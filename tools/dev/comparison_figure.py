"""The figure of `compare_runs.py`: mIoU against energy, and against the time of a train step."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

#: Colours of Okabe and Ito, one dark and one light.
BLUE, ORANGE = '#0072B2', '#E69F00'
DARK, GREY = '0.15', '0.7'
#: Key of a row, factor, and label of the axis.
AXES = (
    ('energy', 1e3, 'energy of an image, in theory [µJ; spikes, strict, int8]'),
    ('train_step', 1.0, 'time of a train step [ms]'),
)
#: Face, colour of the letter, shape of the marker, and label.
ONE_STEP = 'white', 'black', 'o', 'spikes, T = 1'
STEPS = BLUE, 'white', 'o', 'spikes, T > 1'
INTEGERS = ORANGE, 'black', 's', 'integers, T = 1'


def draw(rows: Sequence[Mapping[str, Any]], folder: Path) -> None:
    """Draw the comparison.

    Each backbone is a letter in a marker, which tells its neurons and steps. A line joins the time
    steps of a backbone, and a vertical bar is the spread of the seeds.

    Args:
        rows: A dict for each trained config: ``backbone``, ``T``, ``D``, ``mIoU``, ``spread`` (None
            for one seed), ``energy`` in mJ and ``train_step`` in milliseconds.
        folder: Gets ``comparison.png`` and ``comparison.svg``.
    """
    names = sorted({row['backbone'] for row in rows}, key=str.lower)
    letters = {name: chr(ord('A') + i) for i, name in enumerate(names)}
    with rc_context({'svg.hashsalt': 'comparison', 'font.size': 9}):
        figure = Figure(figsize=(10, 5.6), layout='constrained')
        panels = figure.subplots(1, 2, sharey=True)
        for axes, (key, factor, label) in zip(panels, AXES, strict=True):
            points = [
                dict(row, x=factor * row[key], letter=letters[row['backbone']]) for row in rows
            ]
            _draw_panel(axes, points)
            axes.set_xlabel(label)
        panels[0].set_ylabel('mIoU [%]')
        handles = [
            Line2D([], [], marker=shape, linestyle='', color=DARK, markerfacecolor=face, label=text)
            for face, _, shape, text in (ONE_STEP, STEPS, INTEGERS)
        ]
        handles += [
            Line2D([], [], marker=f'${letters[name]}$', linestyle='', color=DARK, label=name)
            for name in names
        ]
        figure.legend(handles=handles, loc='outside lower center', ncols=6, frameon=False)
        figure.savefig(folder / 'comparison.png', dpi=150)
        figure.savefig(folder / 'comparison.svg', metadata={'Date': None})


def _draw_panel(axes: Axes, points: Sequence[Mapping[str, Any]]) -> None:
    for letter in sorted({point['letter'] for point in points}):
        steps = [point for point in points if point['letter'] == letter and point['D'] == 1]
        axes.plot([p['x'] for p in steps], [p['mIoU'] for p in steps], color=GREY, lw=0.8, zorder=1)
    for point in points:
        x, y = point['x'], point['mIoU']
        face, ink, shape, _ = _style(point)
        axes.errorbar(x, y, yerr=point['spread'] or 0, color=GREY, linewidth=0.8, zorder=1)
        axes.scatter(x, y, s=130, marker=shape, facecolor=face, edgecolor=DARK, linewidth=0.9)
        axes.text(x, y, point['letter'], color=ink, ha='center', va='center', size=8)
    axes.set_xscale('log')
    axes.grid(color='0.92')
    axes.set_axisbelow(True)
    axes.spines[['top', 'right']].set_visible(False)


def _style(point: Mapping[str, Any]) -> tuple[str, str, str, str]:
    if point['D'] > 1:
        return INTEGERS
    return STEPS if point['T'] > 1 else ONE_STEP
