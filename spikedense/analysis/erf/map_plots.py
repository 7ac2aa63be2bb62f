"""The figure of a layer: its map on three scales."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from spikedense.utils.wording import shorten

from .alignment import file_name
from .canvas import COLUMN, Canvas, letters_in
from .displays import DISPLAYS, downscaled
from .plot import Plot, Table
from .result import ERFResult
from .wording import metric_text

#: Its lightness grows evenly, so that it can be read in grey and with a colour vision deficiency.
COLORMAP = 'cividis'
_METRICS = (
    'area@0.5',
    'area@0.95',
    'area@0.99',
    'mass_area@0.5',
    'above@0.05',
    'luo_size',
    'rms_radius',
    'rms_radius_ratio',
    'entropy_ratio',
    'anisotropy',
    'drift',
    'coverage_7',
)
_SIDE, _GAP, _ABOVE, _BELOW = 0.1, 0.1, 0.41, 0.5  # inches


def layer_plots(result: ERFResult) -> list[Plot]:
    """Return a figure for each layer: its map on three scales, and its numbers.

    Args:
        result: The fields of a model.
    """
    return [_layer_plot(result, layer) for layer in result.maps]


def _layer_plot(result: ERFResult, layer: str) -> Plot:
    found = result.metrics(layer)
    height, width = result.spatial(layer).shape
    row, column = result.centers[layer]
    cell = (COLUMN - 2 * _SIDE - 2 * _GAP) / 3
    panel = panel_height(height / width, cell)
    return Plot(
        name=file_name(['map', result.model, layer]),
        title=f'{result.model}: {layer}',
        caption=f'Mean |gradient| v of the output at the open cross (row {row}, column {column}) '
        f'with respect to the {height} × {width} input, on three scales.',
        width=COLUMN,
        height=_ABOVE + panel + _BELOW,
        draw=partial(_draw, result=result, layer=layer, cell=cell, panel=panel),
        table=_table({key: metric_text(key, found[key]) for key in _METRICS}),
        model=result.model,
    )


def _table(texts: Mapping[str, str]) -> Table:
    """Return a table of two pairs of columns."""
    cells = list(texts.items())
    half = len(cells) // 2
    rows = [(*left, *right) for left, right in zip(cells[:half], cells[half:], strict=True)]
    return Table(('metric', 'value') * 2, rows, 'lrlr')


def _draw(canvas: Canvas, result: ERFResult, layer: str, cell: float, panel: float) -> None:
    canvas.title(_SIDE, 0.14, result.model)
    letters = letters_in(canvas.width - 2 * _SIDE)
    canvas.write(_SIDE, 0.29, shorten(layer, letters))
    for index, (kind, display) in enumerate(DISPLAYS.items()):
        left = _SIDE + index * (cell + _GAP)
        image = draw_map(canvas.axes(left, _ABOVE, cell, panel), result, layer, kind)
        bar = canvas.axes(left + 0.06, _ABOVE + panel + 0.07, cell - 0.12, 0.07)
        draw_bar(canvas, image, bar, display.label, 'horizontal')


def panel_height(ratio: float, cell: float) -> float:
    """Return the height of a panel of a width, for maps of a shape.

    Args:
        ratio: Largest height / width of the maps.
        cell: Width in inches.
    """
    return cell * min(max(ratio, 0.25), 2)


def draw_map(
    axes: Any, result: ERFResult, layer: str, kind: str, highest: float | None = None
) -> Any:
    """Draw a map and mark its centre.

    Args:
        axes: Axes of matplotlib.
        result: The fields of the model.
        layer: The layer.
        kind: Name of the display.
        highest: Value at the upper end of the scale; by default that of the display.

    Returns:
        The image, for a colour bar.
    """
    map = result.spatial(layer)
    height, width = map.shape
    display = DISPLAYS[kind]
    shown = display.show(downscaled(map))
    image = axes.imshow(
        shown,
        cmap=COLORMAP,
        vmin=0,
        vmax=highest or display.highest or shown.max() or 1,
        interpolation='none',
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )
    axes.set(xticks=[], yticks=[])
    _mark(axes, result.centers[layer], max(height, width))
    if not map.any():  # a map that is only faint looks the same
        middle = dict(ha='center', va='center', transform=axes.transAxes)
        axes.text(0.5, 0.8, 'all zero', color='white', **middle)
    return image


def _mark(axes: Any, center: tuple[int, int], side: int) -> None:
    """Draw a cross that is open in the middle, so that it does not hide a small field."""
    row, column = center
    near, far = 0.08 * side, 0.14 * side
    border = [withStroke(linewidth=1.7, foreground='black')]
    look: Any = dict(color='white', linewidth=0.8, path_effects=border)
    for sign in (-1, 1):
        ends = [sign * near, sign * far]
        axes.plot([column + end for end in ends], [row, row], scalex=False, scaley=False, **look)
        axes.plot([column, column], [row + end for end in ends], scalex=False, scaley=False, **look)


def draw_bar(canvas: Canvas, image: Any, place: Any, label: str, orientation: str) -> None:
    """Draw the scale of a map.

    Args:
        canvas: The figure.
        image: What :func:`draw_map` returned.
        place: The axes for the scale.
        label: What the scale means.
        orientation: ``'horizontal'`` or ``'vertical'``.
    """
    bins = 2 if orientation == 'horizontal' else 6
    ticks = MaxNLocator(nbins=bins, steps=[1, 2, 5, 10])
    bar = canvas.figure.colorbar(image, cax=place, orientation=orientation, ticks=ticks)
    bar.outline.set_linewidth(0.4)
    bar.ax.tick_params(length=2, pad=1.5)
    bar.set_label(label, labelpad=1)
