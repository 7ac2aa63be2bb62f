"""One picture that compares panels: captions above, a legend of colours below."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .panels import NO_LABEL, VOID, void_hatched

_GAP, _TEXT, _LINE, _SWATCH = 8, 14, 22, 14  # pixels


def compare(
    panels: Mapping[str, np.ndarray],
    legend: Sequence[tuple[str, Sequence[int]]] = (),
    void: bool = False,
) -> np.ndarray:
    """Put panels side by side.

    Args:
        panels: Caption -> RGB ``[H, W, 3]``, uint8, all of one size.
        legend: Name and colour of each class to explain.
        void: Whether the legend explains pixels without a label too.

    Returns:
        RGB, uint8.
    """
    height, width = next(iter(panels.values())).shape[:2]
    total = len(panels) * (width + _GAP) + _GAP
    entries = [(name, tuple(int(c) for c in colour)) for name, colour in legend]
    if void:
        entries.append((NO_LABEL, VOID))
    places, rows = _places([name for name, _ in entries], total)
    canvas = Image.new('RGB', (total, _LINE + height + _GAP + rows * _LINE), 'white')
    draw = ImageDraw.Draw(canvas)
    for index, (caption, panel) in enumerate(panels.items()):
        left = _GAP + index * (width + _GAP)
        draw.text((left, 3), caption, fill='black', font=_font())
        canvas.paste(Image.fromarray(panel), (left, _LINE))
    for (name, colour), (x, row) in zip(entries, places, strict=True):
        top = _LINE + height + _GAP + row * _LINE
        swatch = np.full((_SWATCH, _SWATCH, 3), colour, np.uint8)
        swatch = void_hatched(swatch, np.array([[name == NO_LABEL]]))
        canvas.paste(Image.fromarray(swatch), (x, top + 2))
        draw.rectangle((x, top + 2, x + _SWATCH, top + 2 + _SWATCH), outline=(128, 128, 128))
        draw.text((x + _SWATCH + 5, top), name, fill='black', font=_font())
    return np.array(canvas)


def _places(names: Sequence[str], width: int) -> tuple[list[tuple[int, int]], int]:
    """Return the left side and the row of each entry of a legend, and the number of rows."""
    places, x, row = [], _GAP, 0
    for name in names:
        needed = _SWATCH + 5 + int(_font().getlength(name)) + 2 * _GAP
        if x > _GAP and x + needed > width:
            x, row = _GAP, row + 1
        places.append((x, row))
        x += needed
    return places, row + 1 if names else 0


@cache
def _font() -> Any:
    return ImageFont.load_default(_TEXT)
