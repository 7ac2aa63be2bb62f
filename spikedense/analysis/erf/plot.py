"""A figure that is not drawn yet, its files, and the small table below it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib import rc_context

from spikedense.utils.files import complete_or_absent
from spikedense.utils.html_page import inline_svg

from .canvas import COLUMN, EDGE, LETTER, STYLE, Canvas

#: Suffixes of the files of a figure.
FORMATS = ('pdf', 'svg', 'png')

_ROW = 0.145  # height of a row of a table, in inches
_BOLD = 1.1  # width of a bold letter, in letters


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
    draw: Callable[[Canvas], None]
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
        with rc_context({**STYLE, 'svg.hashsalt': self.name}):
            bands = _bands(self.table, self.width)
            below = sum(_ROW * (len(band.rows) + 1) + EDGE for band in bands)
            canvas = Canvas(self.width, self.height + below)
            self.draw(canvas)
            top = self.height
            for band in bands:
                _write_table(canvas, band, top)
                top += _ROW * (len(band.rows) + 1) + EDGE
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
        with rc_context(STYLE):
            canvas = Canvas(self.width, self.height)
            self.draw(canvas)
            return inline_svg(canvas.figure, key, self.title, {})


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
    return 2 * EDGE + sum(widths[i] for i in chosen) + 2 * LETTER * (len(chosen) - 1)


def _widths(table: Table) -> list[float]:
    columns = zip(table.columns, *table.rows, strict=True)
    letters = (max(_BOLD * len(head), *map(len, cells), 0) for head, *cells in columns)
    return [LETTER * number for number in letters]


def _write_table(canvas: Canvas, table: Table, top: float) -> None:
    """Write a table over the whole width: names on the left, numbers evenly spaced."""
    widths = _widths(table)
    gap = (canvas.width - 2 * EDGE - sum(widths)) / (len(widths) - 1 or 1)
    left = EDGE
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
