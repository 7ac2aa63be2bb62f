"""Pictures that compare images with their labels: panels with captions and a legend."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from spikedense.utils.files import complete_or_absent

#: Colour of pixels without a label.
VOID = (255, 255, 255)
_INCHES = 2.2


def colour_labels(labels: np.ndarray, palette: Sequence[Sequence[int]]) -> np.ndarray:
    """Return the colours of a label map.

    Args:
        labels: Indices of classes, ``[H, W]``; any other index gets the colour of void.
        palette: Red, green and blue of each class, 0 to 255.

    Returns:
        RGB, ``[H, W, 3]``, uint8.
    """
    colours = np.array([*palette, VOID], dtype=np.uint8)
    known = (labels >= 0) & (labels < len(palette))
    return colours[np.where(known, labels, len(palette)).astype(int)]


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
        for name, colour in zip([*classes, 'no label'], [*palette, VOID], strict=True)
    ]
    figure.legend(
        handles=patches, loc='outside lower center', ncols=min(10, len(patches)), fontsize=7
    )
    with complete_or_absent(out) as temporary:
        figure.savefig(temporary, dpi=100, format=out.suffix.removeprefix('.'))
