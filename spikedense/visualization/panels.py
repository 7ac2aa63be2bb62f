"""Pictures that compare images with their labels: panels with captions and a legend."""

from collections.abc import Mapping, Sequence
from colorsys import hsv_to_rgb
from pathlib import Path
from typing import Any

import numpy as np

from spikedense.utils.files import complete_or_absent

#: Colour of pixels without a label; grey lines cross them.
VOID = (255, 255, 255)
#: Name of such pixels in a legend.
NO_LABEL = 'no label'
_LINES = (150, 150, 150)
_PERIOD, _WIDTH = 8, 2  # pixels of the lines
_INCHES = 2.2


def colour_labels(labels: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Return the colours of a label map.

    Args:
        labels: Indices of classes, ``[H, W]``; pixels of any other index are hatched.
        palette: Red, green and blue of each class, 0 to 255.

    Returns:
        RGB, ``[H, W, 3]``, uint8.
    """
    colours = np.array([*palette, VOID], dtype=np.uint8)
    known = (labels >= 0) & (labels < len(palette))
    return void_hatched(colours[np.where(known, labels, len(palette)).astype(int)], ~known)


def void_hatched(pixels: np.ndarray, void: np.ndarray) -> np.ndarray:
    """Return an image whose pixels without a label are white with grey lines.

    Args:
        pixels: RGB, ``[H, W, 3]``, uint8.
        void: The pixels without a label, boolean, ``[H, W]``, or ``[1, 1]`` for all or none.

    Returns:
        RGB, ``[H, W, 3]``, uint8.
    """
    height, width = pixels.shape[:2]
    where = np.broadcast_to(void, (height, width))
    diagonal = np.arange(height)[:, None] + np.arange(width)  # [H, W]
    pixels = np.where(where[..., None], np.array(VOID, np.uint8), pixels)
    pixels[where & (diagonal % _PERIOD < _WIDTH)] = _LINES
    return pixels


def palette_of(meta: Mapping[str, Any]) -> list[tuple[int, ...]]:
    """Return the colour of each class of a data set.

    Args:
        meta: The ``classes``, and maybe a ``palette`` with as many colours.

    Returns:
        Red, green and blue of each class; without a palette, colours that lie far apart.
    """
    number = len(meta['classes'])
    given = meta.get('palette')
    if isinstance(given, Sequence) and not isinstance(given, str) and len(given) >= number:
        return [(int(r), int(g), int(b)) for r, g, b in given[:number]]
    hues = (index * 0.618034 % 1.0 for index in range(number))
    return [tuple(round(255 * c) for c in hsv_to_rgb(hue, 0.65, 0.9)) for hue in hues]


def draw_panels(
    out: Path,
    rows: Sequence[Mapping[str, np.ndarray]],
    classes: Sequence[str],
    palette: Sequence[Sequence[int]],
) -> None:
    """Draw one row of panels for each image, with captions above and the classes below.

    Args:
        out: The picture to write; the suffix is the format.
        rows: Caption -> panel, the same captions in each row. A panel ``[H, W, 3]`` is RGB, a panel
            ``[H, W]`` holds firing rates from 0 to 1, which get a colour bar.
        classes: Names for the legend.
        palette: Red, green and blue of each class, 0 to 255.
    """
    # It takes a second to import, and only those who draw need it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.patches import Patch

    captions = list(rows[0])
    rates = [panel for row in rows for panel in row.values() if panel.ndim == 2]
    highest = max((float(rate.max()) for rate in rates), default=0.0) or 1.0
    height, width = next(iter(rows[0].values())).shape[:2]
    # Room for the colour bar on the right, for the captions and for the legend.
    size = (_INCHES * len(captions) + 0.8, _INCHES * len(rows) * height / width + 0.6)
    figure = Figure(
        figsize=size, layout=ConstrainedLayoutEngine(h_pad=0.01, w_pad=0.01, hspace=0, wspace=0)
    )
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(rows), len(captions), squeeze=False)
    drawn = None
    for line, row in zip(axes, rows, strict=True):
        for axis, caption in zip(line, captions, strict=True):
            panel = row[caption]
            axis.set_axis_off()
            if panel.ndim == 2:
                drawn = axis.imshow(panel, cmap='magma', vmin=0, vmax=highest)
            else:
                axis.imshow(panel)
            if row is rows[0]:
                axis.set_title(caption, fontsize=10)
    if drawn is not None:
        figure.colorbar(drawn, ax=axes, label='firing rate', shrink=0.8, pad=0.01)
    patches = [
        Patch(facecolor='#{:02x}{:02x}{:02x}'.format(*colour), edgecolor='0.5', label=name)
        for name, colour in zip(classes, palette, strict=True)
    ]
    grey = '#{:02x}{:02x}{:02x}'.format(*_LINES)
    patches.append(Patch(facecolor='white', edgecolor=grey, hatch='////', label=NO_LABEL))
    figure.legend(
        handles=patches, loc='outside lower center', ncols=min(10, len(patches)), fontsize=7
    )
    with complete_or_absent(out) as temporary:
        figure.savefig(temporary, dpi=100, format=out.suffix.removeprefix('.'))
