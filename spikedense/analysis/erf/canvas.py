"""The sheet on which figures for a paper are drawn: places in inches, and one style."""

from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from spikedense.utils.wording import shorten

#: Widths in inches of a column and of the whole page of a paper in two columns.
COLUMN, PAGE = 3.3, 6.9
#: Names of models are cut in the middle if they are longer.
LONGEST_NAME = 36
#: Sizes of letters in points. A figure is printed at its own size.
TITLE_SIZE, TEXT_SIZE = 8, 7
INK, SOFT, LINE = '#1F2933', '#4A5560', '#9AA3AD'

STYLE: Any = {
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
#: Widths of letters of the size of texts and of titles, in inches.
LETTER, _TITLE_LETTER = 0.0595, 0.077
#: Distance of titles and tables from the edge, in inches.
EDGE = 0.08


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

    def title(self, x: float, y: float, text: str) -> None:
        """Write a bold title, shortened to the width of the figure.

        Args:
            x: Distance from the left edge, in inches.
            y: Distance from the upper edge.
            text: The title.
        """
        letters = int((self.width - x - EDGE) / _TITLE_LETTER)
        self.write(x, y, shorten(text, letters), fontsize=TITLE_SIZE, fontweight='bold')

    def rule(self, y: float, width: float = 0.4) -> None:
        """Draw a horizontal line over the whole width.

        Args:
            y: Distance from the upper edge, in inches.
            width: Width of the line, in points.
        """
        xs = [EDGE / self.width, 1 - EDGE / self.width]
        height = 1 - y / self.height
        line = Line2D(xs, [height] * 2, transform=self.figure.transFigure, color=INK, lw=width)
        self.figure.add_artist(line)


def letters_in(width: float) -> int:
    """Return the number of letters of the size of texts that fit.

    Args:
        width: A width in inches.
    """
    return max(4, int(width / LETTER))
