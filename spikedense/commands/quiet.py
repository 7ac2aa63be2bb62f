"""Keeps messages of the libraries that tell a user nothing from the screen."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any

#: What mmseg, mmdet and mmpretrain print while they are imported without a data platform.
_PRINTED = 'Could not import OneDL'
#: Beginnings of warnings, as regular expressions, and the modules that warn.
_WARNED = (
    # mmseg tells each user of its cross entropy about an option.
    (r'Default ``avg_non_ignore`` is False', r'mmseg\.models\.losses\.cross_entropy_loss'),
    # mmdet has another metric in use, which needs no further package.
    (r'faster_coco_eval is not installed', r'mmdet\.evaluation\.metrics\.faster_coco_metric'),
)


class _WithoutLines:
    """An output stream that drops the lines of the libraries."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._dropped = False

    def write(self, text: str) -> int:
        """Write a text; `print` writes a line and its end in two calls."""
        dropped, self._dropped = self._dropped, text.startswith(_PRINTED) and '\n' not in text
        if text.startswith(_PRINTED) or (dropped and text == '\n'):
            return len(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Drop exactly the messages that are listed in this file, inside of a ``with`` block.

    Workers that are forked inside of the block drop the messages, too.
    """
    stream: Any = _WithoutLines(sys.stdout)
    with warnings.catch_warnings(), redirect_stdout(stream):
        for message, module in _WARNED:
            warnings.filterwarnings('ignore', message=message, module=module)
        yield
