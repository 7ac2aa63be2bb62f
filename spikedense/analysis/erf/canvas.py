"""The sheet on which figures for a paper are drawn: places in inches, one style, a table below."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spikedense.utils.files import complete_or_absent
from spikedense.utils.html_page import inline_svg

#: Widths in inches of a column and of the whole page of a paper in two columns.
COLUMN, PAGE = 3.3, 6.9
#: Suffixes of the files of a figure.
FORMATS = ('pdf', 'svg', 'png')
#: Sizes of letters in points. A figure is printed at its own size.
TITLE_SIZE, TEXT_SIZE = 8, 7
INK, SOFT, LINE = '#1F2933', '#4A5560', '#9AA3AD'

_STYLE: Any = {
    'svg.fonttype': 'none',  # text stays text, for the search and for screen readers
    'pdf.fonttype': 42,  # publishers refuse fonts of type 3
    'font.family': ['DejaVu Sans', 'sans-serif'],
    'text.parse_math': False,  # a name may have dollar signs
    'font.size': TEXT_SIZE,
    'axes.titlesize': TITLE_SIZE,
    'axes.labelsize': TEXT_SIZE,
    'xtick.labelsize': TEXT_SIZE,
    'ytick.labelsize': TEXT_SIZE,
    'legend.fontsize': TEXT_SIZE,
    'axes.edgecolor': LINE,
    'axes.linewidth': 0.6,
    'xtick.color': SOFT,
    'ytick.color': SOFT,
    'xtick.major.width': 0.6,
    'ytick.major.width': 0.6,
    'xtick.major.size': 2.5,
    'ytick.major.size': 2.5,
    'text.color': INK,
    'axes.labelcolor': SOFT,
    'lines.linewidth': 1.2,
    'lines.markersize': 3.5,
}
_ROW = 0.145  # height of a row of a table, in inches
_LETTER = 0.0595  # width of a letter of a table, in inches
_EDGE = 0.08


@dataclass(frozen=True)
class Table:
    """A small table of text below a figure.

    Args:
        columns: Heads of the columns.
        rows: Rows of cells, as many as there are columns.
        align: A letter for each column: ``l`` for texts, ``r`` for numbers. If the table is divided
            because it is wide, each part repeats the texts in front.
    """

    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    align: str


@dataclass(frozen=True)
class Plot:
    """A figure, not drawn yet.

    Args:
        name: Name of its files, without a suffix.
        title: What it shows, as a title.
        caption: How to read it.
        width: Width in inches.
        height: Height in inches, without the table.
        draw: Draws it.
        table: The table below.
        model: The model, if it shows only one.
    """

    name: str
    title: str
    caption: str
    width: float
    height: float
    draw: Callable[['Canvas'], None]
    table: Table
    model: str | None = None

    @property
    def is_wide(self) -> bool:
        """Whether it is wider than a column."""
        return self.width > COLUMN

    def save(self, folder: Path) -> list[Path]:
        """Write the figure with its table in each format, each file completely or not at all.

        Equal figures give equal files: neither dates nor random names are in them.

        Args:
            folder: The folder.

        Returns:
            The files.

        Raises:
            UserError: The disk is full or read-only.
        """
        dates = dict(pdf={'CreationDate': None}, svg={'Date': None}, png={})
        files = []
        with rc_context({**_STYLE, 'svg.hashsalt': self.name}):
            bands = _bands(self.table, self.width)
            below = sum(_ROW * (len(band.rows) + 1) + _EDGE for band in bands)
            canvas = Canvas(self.width, self.height + below)
            self.draw(canvas)
            top = self.height
            for band in bands:
                _write_table(canvas, band, top)
                top += _ROW * (len(band.rows) + 1) + _EDGE
            for suffix in FORMATS:
                file = folder / f'{self.name}.{suffix}'
                with complete_or_absent(file) as part:
                    canvas.figure.savefig(part, format=suffix, dpi=300, metadata=dates[suffix])
                files.append(file)
        return files

    def svg(self, key: str) -> str:
        """Return the figure, without its table, as an SVG element for a page.

        Args:
            key: A key that is unique in the page.
        """
        with rc_context(_STYLE):
            canvas = Canvas(self.width, self.height)
            self.draw(canvas)
            return inline_svg(canvas.figure, key, self.title, {})


class Canvas:
    """A figure on which places are given in inches from the upper left corner.

    Args:
        width: Width in inches.
        height: Height in inches.
    """

    def __init__(self, width: float, height: float) -> None:
        self.width = width
        self.height = height
        self.figure: Any = Figure(figsize=(width, height), facecolor='white')

    def axes(self, left: float, top: float, width: float, height: float, sharey: Any = None) -> Any:
        """Add axes at a place.

        Args:
            left: Distance from the left edge, in inches.
            top: Distance from the upper edge.
            width: Width of the axes.
            height: Height of the axes.
            sharey: Axes with the same vertical scale.
        """
        bottom = self.height - top - height
        place = (left / self.width, bottom / self.height, width / self.width, height / self.height)
        return self.figure.add_axes(place, sharey=sharey)

    def write(self, x: float, y: float, text: str, **options: Any) -> None:
        """Write a text.

        Args:
            x: Distance from the left edge, in inches.
            y: Distance from the upper edge.
            text: The text.
            **options: Options of matplotlib's text.
        """
        place = x / self.width, 1 - y / self.height
        self.figure.text(*place, text, **{'va': 'center', **options})

    def rule(self, y: float, width: float = 0.4) -> None:
        """Draw a horizontal line over the whole width.

        Args:
            y: Distance from the upper edge, in inches.
            width: Width of the line, in points.
        """
        xs = [_EDGE / self.width, 1 - _EDGE / self.width]
        height = 1 - y / self.height
        line = Line2D(xs, [height] * 2, transform=self.figure.transFigure, color=INK, lw=width)
        self.figure.add_artist(line)


def letters_in(width: float) -> int:
    """Return the number of letters of the size of texts that fit.

    Args:
        width: A width in inches.
    """
    return max(4, int(width / _LETTER))


def _bands(table: Table, width: float) -> list[Table]:
    """Divide a table that is too wide; each part repeats the names of the rows."""
    widths = _widths(table)
    front = len(table.align) - len(table.align.lstrip('l'))
    bands: list[list[int]] = [[]]
    for index in range(front, len(widths)):
        if bands[-1] and _wanted(widths, [*range(front), *bands[-1], index]) > width:
            bands.append([])
        bands[-1].append(index)
    parts = []
    for band in bands:
        chosen = [*range(front), *band]
        heads, *rows = (tuple(line[i] for i in chosen) for line in (table.columns, *table.rows))
        parts.append(Table(heads, rows, ''.join(table.align[i] for i in chosen)))
    return parts


def _wanted(widths: Sequence[float], chosen: Sequence[int]) -> float:
    return 2 * _EDGE + sum(widths[i] for i in chosen) + 2 * _LETTER * (len(chosen) - 1)


def _widths(table: Table) -> list[float]:
    lines = [table.columns, *table.rows]
    return [_LETTER * max(len(line[i]) for line in lines) for i in range(len(table.columns))]


def _write_table(canvas: Canvas, table: Table, top: float) -> None:
    """Write a table over the whole width: names on the left, numbers evenly spaced."""
    widths = _widths(table)
    gap = (canvas.width - 2 * _EDGE - sum(widths)) / (len(widths) - 1 or 1)
    left = _EDGE
    for index, width in enumerate(widths):
        right = table.align[index] == 'r'
        for line, cells in enumerate((table.columns, *table.rows)):
            canvas.write(
                left + width if right else left,
                top + _ROW * (line + 0.5),
                cells[index],
                ha='right' if right else 'left',
                fontweight='normal' if line else 'bold',
            )
        left += width + gap
    for y, thick in ((0, 0.8), (1, 0.4), (len(table.rows) + 1, 0.8)):
        canvas.rule(top + _ROW * y, thick)
