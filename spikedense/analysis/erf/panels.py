"""Figures with a panel for each layer and a curve for each model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from matplotlib.lines import Line2D

from spikedense.utils.colors import COLORS
from spikedense.utils.wording import shorten

from .alignment import Level, file_name, levels, pages
from .canvas import COLUMN, LINE, LONGEST_NAME, PAGE, Canvas, letters_in
from .plot import Plot, Table
from .result import ERFResult

_PANELS, _ACROSS = 8, 4  # of a figure and of a row, at most
_LINES = ('-', '--', '-.', ':')
_MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X')
_LONGEST_LAYER = 18
# In inches.
_LEFT, _RIGHT, _GAP = 0.5, 0.1, 0.13
_TITLE, _PANEL, _TICKS, _LABEL, _LEGEND_ROW = 0.2, 1.15, 0.22, 0.2, 0.16


def style(index: int) -> dict[str, Any]:
    """Return how the curve of a model is drawn. Curves can be told apart without colours.

    Args:
        index: Place of the model.
    """
    color = COLORS[index % len(COLORS)]
    return dict(
        color=color,
        linestyle=_LINES[index % len(_LINES)],
        marker=_MARKERS[index % len(_MARKERS)],
        markerfacecolor='white' if index % 2 else color,
    )


@dataclass(frozen=True)
class Curves:
    """What the panels show.

    Args:
        name: Name of the files.
        title: Title of the figure.
        caption: How to read it.
        xlabel: Label of all horizontal axes.
        ylabel: Label of all vertical axes.
        draw: Draws the curve of a layer, from the axes, the place of the model, the result and the
            layer.
        heads: Heads of the table.
        numbers: Cells of the table, from the result and the layer.
        reference: What a grey dotted line means; empty without such a line.
        settings: Settings of all axes.
    """

    name: str
    title: str
    caption: str
    xlabel: str
    ylabel: str
    draw: Callable[[Any, int, ERFResult, str], None]
    heads: Sequence[str]
    numbers: Callable[[ERFResult, str], Sequence[str]]
    reference: str = ''
    settings: Mapping[str, Any] = field(default_factory=dict)


def panel_plots(results: Mapping[int, ERFResult], curves: Curves) -> list[Plot]:
    """Return the figures, one or several if there are many layers.

    Args:
        results: Place of each model, which gives its style -> its result.
        curves: What to draw.
    """
    parts = pages(levels(list(results.values())), _PANELS)
    plots = []
    for index, part in enumerate(parts, 1):
        sheet = _Sheet(results, part, curves)
        number = [str(index)] if len(parts) > 1 else []
        plots.append(
            Plot(
                name=file_name([curves.name, *number]),
                title=curves.title,
                caption=curves.caption,
                width=sheet.width,
                height=sheet.top + sheet.rows * sheet.step + _LABEL,
                draw=partial(_draw, sheet=sheet),
                table=sheet.table(),
            )
        )
    return plots


@dataclass(frozen=True)
class _Sheet:
    results: Mapping[int, ERFResult]
    panels: Sequence[Level]
    curves: Curves
    step: float = _TITLE + _PANEL + _TICKS

    @property
    def width(self) -> float:
        return COLUMN if len(self.panels) == 1 else PAGE

    @property
    def rows(self) -> int:
        return -(-len(self.panels) // _ACROSS)

    @property
    def across(self) -> int:
        """Number of panels of a row."""
        return -(-len(self.panels) // self.rows)

    @property
    def legend(self) -> list[tuple[str, dict[str, Any]]]:
        entries = [(shorten(r.model, LONGEST_NAME), style(i)) for i, r in self.results.items()]
        if self.curves.reference:
            grey = dict(color=LINE, linestyle=':', linewidth=0.8)
            entries.append((self.curves.reference, grey))
        return entries

    @property
    def legend_columns(self) -> int:
        longest = max(len(name) for name, _ in self.legend)
        return max(1, min(len(self.legend), letters_in(self.width - 0.2) // (longest + 8)))

    @property
    def top(self) -> float:
        """Height of the legend, in inches."""
        return 0.06 - (-len(self.legend) // self.legend_columns) * _LEGEND_ROW

    def table(self) -> Table:
        several_models = len(self.results) > 1
        # One panel has the name of its layer as its title.
        several_layers = len(self.panels) > 1 or not self.panels[0].shared
        rows = []
        for level in self.panels:
            for result, layer in level.cells(list(self.results.values())):
                names = [shorten(layer, _LONGEST_LAYER)] if several_layers else []
                names += [shorten(result.model, LONGEST_NAME)] if several_models else []
                rows.append((*names, *self.curves.numbers(result, layer)))
        names = ['layer'] * several_layers + ['model'] * several_models
        heads = (*names, *self.curves.heads)
        return Table(heads, rows, 'l' * len(names) + 'r' * len(self.curves.heads))


def _draw(canvas: Canvas, sheet: _Sheet) -> None:
    legend = [Line2D([], [], label=name, **look) for name, look in sheet.legend]
    canvas.figure.legend(
        handles=legend,
        loc='upper left',
        bbox_to_anchor=(0.05 / canvas.width, 1 - 0.02 / canvas.height),
        ncols=sheet.legend_columns,
        frameon=False,
        borderpad=0,
        handlelength=2.6,
        columnspacing=1.2,
        labelspacing=0.35,
    )
    width = (canvas.width - _LEFT - _RIGHT + _GAP) / sheet.across - _GAP
    letters = int(letters_in(width) * 0.9)
    first: Any = None  # all panels have one vertical scale
    places = {id(result): index for index, result in sheet.results.items()}
    for number, level in enumerate(sheet.panels):
        row, column = divmod(number, sheet.across)
        top = sheet.top + row * sheet.step
        left = _LEFT + column * (width + _GAP)
        first = axes = canvas.axes(left, top + _TITLE, width, _PANEL, sharey=first)
        title = shorten(level.title, letters)
        canvas.write(left + width / 2, top + _TITLE * 0.55, title, ha='center')
        for result, layer in level.cells(list(sheet.results.values())):
            sheet.curves.draw(axes, places[id(result)], result, layer)
        axes.spines[['top', 'right']].set_visible(False)
        axes.tick_params(pad=2)
        if column:
            axes.tick_params(labelleft=False)
    for axes in canvas.figure.axes:  # after all curves, because a limit ends the automatic scaling
        axes.set(**sheet.curves.settings)
    bottom = sheet.top + sheet.rows * sheet.step
    middle = sheet.top + sheet.rows * sheet.step / 2
    canvas.write(canvas.width / 2, bottom + 0.08, sheet.curves.xlabel, ha='center')
    canvas.write(0.1, middle, sheet.curves.ylabel, ha='center', rotation=90)
