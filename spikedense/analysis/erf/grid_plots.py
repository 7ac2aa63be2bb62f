"""The grid of all layers and models, on one scale."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from spikedense.utils.wording import shorten

from .alignment import Level, file_name, levels, pages
from .canvas import COLUMN, LONGEST_NAME, PAGE, Canvas, letters_in
from .displays import DISPLAYS, downscaled
from .map_plots import draw_bar, draw_map, panel_height
from .plot import Plot, Table
from .result import ERFResult

_COLUMNS = 8  # of a figure, at most
_LARGEST_CELL = 1.3  # inches
_SIDE, _GAP, _TITLE, _BAR = 0.1, 0.06, 0.17, 0.62
_SHARES = ('area@0.5', 'area@0.95')


def grid_plots(results: Sequence[ERFResult]) -> list[Plot]:
    """Return grids of models (rows) and layers (columns), linear and logarithmic.

    All maps of a kind of display share one scale, also if they are divided among figures.

    Args:
        results: One result for each model.
    """
    parts = pages(levels(results), _COLUMNS)
    plots = []
    for kind in ('linear', 'log'):
        highest = _highest(results, kind)
        for index, columns in enumerate(parts, 1):
            number = [str(index)] if len(parts) > 1 else []
            grid = _Grid(results, columns, kind, highest)
            plots.append(grid.plot(file_name(['grid', kind, *number])))
    return plots


def _highest(results: Sequence[ERFResult], kind: str) -> float:
    """Return the largest value that is shown in any map."""
    display = DISPLAYS[kind]
    maps = (result.spatial(layer) for result in results for layer in result.maps)
    return display.highest or max(float(display.show(downscaled(map)).max()) for map in maps) or 1.0


@dataclass(frozen=True)
class _Grid:
    """A grid.

    Args:
        results: The rows.
        columns: The columns.
        kind: Name of the display.
        highest: Upper end of the scale.
    """

    results: Sequence[ERFResult]
    columns: Sequence[Level]
    kind: str
    highest: float

    def plot(self, name: str) -> Plot:
        """Return the figure.

        Args:
            name: Name of its files.
        """
        width = 2 * _SIDE + len(self.columns) * (self._cell + _GAP) + _BAR
        letters = letters_in(self._cell) - 2
        heads = [shorten(level.title, letters) for level in self.columns]
        rows = [self._numbers(place) for place in range(len(self.results))]
        return Plot(
            name=name,
            title=f'Layers and models, one {self.kind} scale',
            caption=f'Each map of mean |gradient| v is drawn as {DISPLAYS[self.kind].label}, all '
            'on one scale. The table has area@0.5 / area@0.95 in percent of the input.',
            width=max(COLUMN, width),
            height=2 * _SIDE + (_TITLE if self._named_once else 0) + len(rows) * self._step,
            draw=self.draw,
            table=Table(('area@0.5 / 0.95, %', *heads), rows, 'l' + 'r' * len(heads)),
        )

    def draw(self, canvas: Canvas) -> None:
        """Draw the grid.

        Args:
            canvas: Where to draw.
        """
        start = top = _SIDE + (_TITLE if self._named_once else 0)
        image = None
        for place, result in enumerate(self.results):
            canvas.title(_SIDE, top + _TITLE / 2, result.model)
            below = top + self._step - _GAP - self._panel
            for index, level in enumerate(self.columns):
                layer = level.layers[place]
                left = _SIDE + index * (self._cell + _GAP)
                if place == 0 and self._named_once:
                    self._name(canvas, level.title, left, _SIDE)
                if layer is None:
                    continue
                if not self._named_once:
                    self._name(canvas, layer, left, top + _TITLE)
                axes = canvas.axes(left, below, self._cell, self._panel)
                image = draw_map(axes, result, layer, self.kind, self.highest)
            top += self._step
        height = top - _GAP - start - (self._step - _GAP - self._panel)
        left = _SIDE + len(self.columns) * (self._cell + _GAP) + 0.06
        bar = canvas.axes(left, top - _GAP - height, 0.09, height)
        draw_bar(canvas, image, bar, DISPLAYS[self.kind].label, 'vertical')

    def _name(self, canvas: Canvas, name: str, left: float, top: float) -> None:
        """Write the name of a layer over its map."""
        short = shorten(name, letters_in(self._cell))
        canvas.write(left + self._cell / 2, top + _TITLE / 2, short, ha='center')

    @property
    def _cell(self) -> float:
        """Width of a map, in inches."""
        return min(_LARGEST_CELL, (PAGE - 2 * _SIDE - _BAR) / len(self.columns) - _GAP)

    @property
    def _panel(self) -> float:
        """Height of a map, in inches."""
        shapes = [result.spatial(layer).shape for result in self.results for layer in result.maps]
        return panel_height(max(height / width for height, width in shapes), self._cell)

    @property
    def _step(self) -> float:
        """Height of a row, in inches."""
        return _TITLE + (0 if self._named_once else _TITLE) + self._panel + _GAP

    @property
    def _named_once(self) -> bool:
        """Whether the names of the layers stand above the first row only."""
        return all(level.shared for level in self.columns)

    def _numbers(self, place: int) -> tuple[str, ...]:
        """Return the row of a model in the table."""
        result = self.results[place]
        layers = (level.layers[place] for level in self.columns)
        found = ({} if layer is None else result.metrics(layer) for layer in layers)
        cells = (' / '.join(_percent(one[key]) for key in _SHARES) if one else '' for one in found)
        return (shorten(result.model, LONGEST_NAME), *cells)


def _percent(value: float) -> str:
    return '–' if math.isnan(value) else f'{100 * value:.1f}'
