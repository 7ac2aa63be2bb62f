"""Which layers of several models are compared, and the names of the figures' files."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeVar

from spikedense.utils.wording import shorten

from .result import ERFResult

T = TypeVar('T')


@dataclass(frozen=True)
class Level:
    """Layers that stand together: one of each model at most.

    Args:
        title: Its title.
        layers: The layer of each model, or None.
        shared: Whether all of these layers have the name that is the title.
    """

    title: str
    layers: tuple[str | None, ...]
    shared: bool

    def cells(self, results: Sequence[ERFResult]) -> Iterator[tuple[ERFResult, str]]:
        """Yield each model that has the layer, with the layer.

        Args:
            results: The results, as many as ``layers``.
        """
        for result, layer in zip(results, self.layers, strict=True):
            if layer is not None:
                yield result, layer


def levels(results: Sequence[ERFResult]) -> list[Level]:
    """Align the layers of several models.

    Layers of the same name stand together. If two models share no name, as those of two families,
    the first layer of each one, the second layer of each one, ... stand together.

    Args:
        results: One result for each model.
    """
    names = _merged([list(result.maps) for result in results])
    if len(names) < sum(len(result.maps) for result in results) or len(results) == 1:
        return [
            Level(name, tuple(name if name in result.maps else None for result in results), True)
            for name in names
        ]
    rows = zip_longest(*(result.maps for result in results))
    return [Level(f'layer {i}', row, False) for i, row in enumerate(rows, 1)]


def _merged(orders: Sequence[Sequence[str]]) -> list[str]:
    """Return all names once; a name that a model adds stands behind that model's name before."""
    names: list[str] = []
    for order in orders:
        place = 0
        for name in order:
            if name not in names:
                names.insert(place, name)
            place = names.index(name) + 1
    return names


def pages(items: Sequence[T], longest: int) -> list[Sequence[T]]:
    """Divide items among figures, into parts of about the same length.

    Args:
        items: The items.
        longest: Largest number of items of a figure.
    """
    figures = max(1, -(-len(items) // longest))
    length = max(1, -(-len(items) // figures))
    return [items[start : start + length] for start in range(0, len(items), length)]


def file_name(parts: Iterable[str]) -> str:
    """Return a name for a file: letters, digits, ``.``, ``_`` and ``-``.

    Args:
        parts: What the figure shows, such as the model and the layer.
    """
    plain = (re.sub(r'[^A-Za-z0-9.-]+', '-', shorten(part, 80)).strip('.-') for part in parts)
    return '_'.join(part or 'x' for part in plain)
