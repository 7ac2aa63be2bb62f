"""Marks runs on made-up images, in which the layers of a model have nothing to warn of."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_MADE_UP = ContextVar('made_up', default=False)


@contextmanager
def made_up_images() -> Iterator[None]:
    """Mark all forward passes inside of the context."""
    token = _MADE_UP.set(True)
    try:
        yield
    finally:
        _MADE_UP.reset(token)


def are_images_made_up() -> bool:
    """Tell whether a run on made-up images is going on."""
    return _MADE_UP.get()
