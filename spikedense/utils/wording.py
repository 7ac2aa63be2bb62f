"""Phrases that several messages share, and short names for charts."""

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


def shorten(name: str, longest: int = 48) -> str:
    """Cut the middle out of a long name, because its two ends say most.

    Args:
        name: A name, as that of a module.
        longest: Number of letters that may stay.
    """
    if len(name) <= longest:
        return name
    head = (longest - 1) // 2
    return f'{name[:head]}…{name[head + 1 - longest :]}'
