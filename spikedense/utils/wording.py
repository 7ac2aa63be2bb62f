"""Phrases that several messages share."""

from collections.abc import Iterable

_SHOWN = 3


def some_of(names: Iterable[str]) -> str:
    """List the first three names and count the others.

    Args:
        names: Any number of names.

    Returns:
        ``a, b, c and 2 more``.
    """
    names = list(names)
    listed = ', '.join(names[:_SHOWN])
    return listed + (f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else '')
