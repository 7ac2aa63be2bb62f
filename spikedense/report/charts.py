"""The charts of the report page: SVG elements for HTML, drawn from plain numbers."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib import colormaps, rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from spikedense.utils.colors import COLORS
from spikedense.utils.html_page import inline_svg
from spikedense.utils.wording import shorten

#: State of a neuron -> colour of its bar (Okabe and Ito, see ``utils.colors``).
STATE_COLORS = {
    'normal': '#0072B2',
    'silent': '#D55E00',
    'dead units': '#D55E00',
    'saturated': '#E69F00',
    'always on': '#CC79A7',
}
_MAC, _AC = '#D55E00', '#0072B2'
_ZERO = '#E6E9ED'
_WIDTH = 10.9  # inches, of 96 / 72 pixels a point: the width of the page's column
_ROW = 0.165
_LETTER = 0.06  # inches, width of a letter in the labels of the rows
_ROWS_A_CHART = 60
_STYLE: Any = {
    'svg.fonttype': 'none',  # text stays text, for the search and for screen readers
    'font.size': 8,
    'axes.edgecolor': '#9AA3AD',
    'axes.linewidth': 0.6,
    'xtick.color': '#4A5560',
    'ytick.color': '#1F2933',
    'text.color': '#1F2933',
    'axes.labelcolor': '#4A5560',
}


@rc_context(_STYLE)
def energy_chart(by_part: Mapping[str, Mapping[str, float]], key: str) -> str:
    """Draw the energy of each part as a bar, multiplications and additions apart.

    Args:
        by_part: Name of a part -> ``{'MAC': mJ, 'AC': mJ}``.
        key: A key that is unique in the page. The ids of the SVG start with it.

    Returns:
        The SVG element.
    """
    names = list(by_part)
    left = _margin([shorten(name) for name in names])
    figure = _figure(0.24 * len(names) + 0.95)
    axis = _axis(figure, left, _WIDTH - left - 0.15, 0.5, 0.24 * len(names))
    titles: dict[str, str] = {}
    starts = [0.0] * len(names)
    for kind, color in (('MAC', _MAC), ('AC', _AC)):
        values = [by_part[name][kind] for name in names]
        bars = axis.barh(range(len(names)), values, left=starts, color=color, height=0.7)
        bars.set_label('multiply-accumulates' if kind == 'MAC' else 'additions')
        for index, (bar, value) in enumerate(zip(bars, values, strict=True)):
            bar.set_gid(f'{kind}-{index}')
            titles[f'{kind}-{index}'] = f'{names[index]}: {value:.4g} mJ of {kind}s'
        starts = [start + value for start, value in zip(starts, values, strict=True)]
    whole = sum(starts) or 1
    for index, total in enumerate(starts):
        _write_after(axis, total, index, f'{total:.4g} mJ, {100 * total / whole:.1f} %', 7.5)
    axis.set_xlim(0, (max(starts, default=0) or 1) * 1.16)
    axis.set_yticks(range(len(names)), [shorten(name) for name in names])
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.tick_params(axis='y', length=0)
    axis.set_xlabel('mJ an image')
    _legend(figure, *axis.get_legend_handles_labels())
    return inline_svg(figure, key, 'Energy by part of the model', titles)


@rc_context(_STYLE)
def firing_charts(neurons: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    """Draw the firing rates and the shares of the integers, a row for each neuron.

    Args:
        neurons: ``name``, ``part``, ``state``, ``rate``, ``D`` and ``per_level`` of each neuron, in
            the order of the network.
        key: A key that is unique in the page.

    Returns:
        SVG elements. Each one shows as many whole parts of the model as have room in it.
    """
    highest = max((neuron['rate'] for neuron in neurons), default=0)
    limit = min(1.0, 1.2 * highest) or 1.0
    left = _margin([_inside(neuron) for neuron in neurons])
    pages = _pages(neurons)
    return [_firing_chart(page, f'{key}-{i}', left, limit) for i, page in enumerate(pages)]


def _firing_chart(neurons: Sequence[Mapping[str, Any]], key: str, left: float, limit: float) -> str:
    # A row is a neuron, or the name of the part to which the neurons below it belong.
    rows: list[Mapping[str, Any] | str] = []
    for part, group in itertools.groupby(neurons, key=lambda neuron: neuron['part']):
        rows += [part, *group]
    height = _ROW * len(rows)
    figure = _figure(height + 0.95)
    width = (_WIDTH - left - 0.5) / 2
    rates = _axis(figure, left, width, 0.5, height)
    shares = _axis(figure, left + width + 0.35, width, 0.5, height)
    titles: dict[str, str] = {}
    for y, row in enumerate(rows):
        if isinstance(row, str):
            _write_after(rates, 0, y, row, 8, fontweight='bold')
            continue
        _rate_bar(rates, y, row, titles)
        _level_bars(shares, y, row, titles)
    for axis in (rates, shares):
        axis.set_ylim(len(rows) - 0.4, -0.6)
        axis.tick_params(axis='y', length=0)
    named = {y: row for y, row in enumerate(rows) if not isinstance(row, str)}
    labels = rates.set_yticks(list(named), [_inside(n) for n in named.values()], fontsize=7.5)
    for tick, (y, neuron) in zip(labels, named.items(), strict=True):
        tick.label1.set_gid(f'name-{y}')
        if neuron['state'] != 'normal':  # the bar alone does not show it: a silent neuron has none
            tick.label1.set_color(STATE_COLORS[neuron['state']])
            tick.label1.set_fontweight('bold')
        titles[f'name-{y}'] = neuron['name']
    rates.set_xlim(0, limit)
    rates.set_xlabel('firing rate (mean integer / D)')
    shares.set_xlim(0, 1)
    shares.set_yticks([])
    shares.set_xlabel('share of the elements with each integer')
    _firing_legend(figure, neurons)
    parts = ', '.join(row for row in rows if isinstance(row, str))
    return inline_svg(figure, key, f'Firing rates and integers of {parts}', titles)


def _rate_bar(axis: Any, y: int, neuron: Mapping[str, Any], titles: dict[str, str]) -> None:
    (bar,) = axis.barh(y, neuron['rate'], color=STATE_COLORS[neuron['state']], height=0.78)
    bar.set_gid(f'rate-{y}')
    titles[f'rate-{y}'] = f'{neuron["name"]}: rate {neuron["rate"]:.4g}, {neuron["state"]}'
    rate = neuron['rate']
    text = '0' if rate == 0 else f'{rate:.3f}' if rate >= 0.001 else f'{rate:.1e}'
    _write_after(axis, rate, y, text, 6.5)


def _level_bars(axis: Any, y: int, neuron: Mapping[str, Any], titles: dict[str, str]) -> None:
    reached = [1.0, *neuron['per_level'], 0.0]
    start = 0.0
    for integer, (here, above) in enumerate(itertools.pairwise(reached)):
        share = max(here - above, 0.0)
        color = _level_color(integer, neuron['D'])
        (bar,) = axis.barh(y, share, left=start, color=color, height=0.78)
        bar.set_gid(f'level-{y}-{integer}')
        titles[f'level-{y}-{integer}'] = f'{neuron["name"]}: {100 * share:.2f} % emit {integer}'
        start += share


def _level_color(integer: int, D: int) -> Any:
    """Return the colour of an integer: grey for 0, orange for D, darker blue for larger others."""
    if integer == 0:
        return _ZERO
    if integer == D:
        return STATE_COLORS['saturated']
    return colormaps['Blues'](0.35 + 0.6 * integer / D)


def _firing_legend(figure: Any, neurons: Sequence[Mapping[str, Any]]) -> None:
    states = [s for s in STATE_COLORS if s == 'normal' or any(n['state'] == s for n in neurons)]
    handles = [Patch(color=STATE_COLORS[state]) for state in states]
    D = max(neuron['D'] for neuron in neurons)
    shown = range(D + 1) if D <= 8 else (0, D // 2, D)
    handles += [Patch(color=_level_color(integer, D)) for integer in shown]
    integers = ['zeros', *(str(integer) for integer in shown[1:-1]), f'{D} = D']
    _legend(figure, handles, [*states, *integers])


@rc_context(_STYLE)
def step_chart(neurons: Sequence[Mapping[str, Any]], key: str) -> str:
    """Draw the mean integer at each time step, a line for each part of the model.

    Args:
        neurons: ``part``, ``elements`` and ``per_step`` of each neuron.
        key: A key that is unique in the page.

    Returns:
        The SVG element.
    """
    figure = _figure(2.9)
    axis = _axis(figure, 0.75, _WIDTH - 1.0, 0.5, 1.9)
    parts = list(dict.fromkeys(neuron['part'] for neuron in neurons))
    for index, part in enumerate(parts):
        means = _mean_steps([neuron for neuron in neurons if neuron['part'] == part])
        style = ('-', '--', ':')[index // len(COLORS) % 3]
        color = COLORS[index % len(COLORS)]
        axis.plot(range(1, len(means) + 1), means, style, color=color, marker='o', label=part)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_ylim(bottom=0)
    axis.set_xlabel('time step')
    axis.set_ylabel('mean integer')
    _legend(figure, *axis.get_legend_handles_labels())
    return inline_svg(figure, key, 'Mean integer at each time step, by part', {})


def _mean_steps(neurons: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return the mean integer over neurons at each time step, weighted by their elements."""
    steps = max(len(neuron['per_step']) for neuron in neurons)
    means = []
    for step in range(steps):
        there = [neuron for neuron in neurons if step < len(neuron['per_step'])]
        elements = sum(neuron['elements'] for neuron in there)
        means.append(sum(n['per_step'][step] * n['elements'] for n in there) / max(elements, 1))
    return means


def _inside(neuron: Mapping[str, Any]) -> str:
    """Return the short name of a neuron inside its part, without the word ``neuron``."""
    name, part = neuron['name'], neuron['part']
    inside = name.rpartition('.')[2] if name == part else name.removeprefix(f'{part}.')
    return shorten(inside.removesuffix('.neuron'))


def _pages(neurons: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Divide neurons among charts. A part is divided only if it is longer than a chart."""
    parts: dict[str, list[Mapping[str, Any]]] = {}
    for neuron in neurons:
        parts.setdefault(neuron['part'], []).append(neuron)
    pages: list[list[Mapping[str, Any]]] = []
    for rows in parts.values():
        length = math.ceil(len(rows) / math.ceil(len(rows) / _ROWS_A_CHART))
        for start in range(0, len(rows), length):
            chunk = rows[start : start + length]
            if pages and len(pages[-1]) + len(chunk) <= _ROWS_A_CHART:
                pages[-1] += chunk
            else:
                pages.append(list(chunk))
    return pages


def _write_after(axis: Any, x: float, y: float, text: str, size: float, **options: Any) -> None:
    """Write to the right of a point, with a distance, because SVG ignores leading spaces."""
    axis.annotate(
        text, (x, y), (3, 0), textcoords='offset points', va='center', fontsize=size, **options
    )


def _margin(names: Sequence[str]) -> float:
    return 0.2 + _LETTER * max((len(name) for name in names), default=0)


def _figure(height: float) -> Any:
    figure = Figure(figsize=(_WIDTH, height), facecolor='none')
    FigureCanvasSVG(figure)
    return figure


def _axis(figure: Any, left: float, width: float, bottom: float, height: float) -> Any:
    """Add an axis at a place in inches, so that the axes of several charts are aligned."""
    all_width, all_height = figure.get_size_inches()
    place = (left / all_width, bottom / all_height, width / all_width, height / all_height)
    axis = figure.add_axes(place, facecolor='none')
    axis.spines[['top', 'right']].set_visible(False)
    axis.grid(axis='x', color='#E6E9ED', linewidth=0.6)
    axis.set_axisbelow(True)
    return axis


def _legend(figure: Any, handles: Sequence[Any], labels: Sequence[str]) -> None:
    figure.legend(
        handles,
        labels,
        loc='upper left',
        bbox_to_anchor=(0, 1),
        ncols=min(len(labels), 9),
        frameon=False,
        fontsize=7.5,
        handlelength=1.2,
        columnspacing=1.4,
    )
