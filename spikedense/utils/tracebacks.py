"""What a traceback tells: who raised, what ran, and whether a library raised on purpose."""

import dis
import re
from collections.abc import Iterator
from types import FrameType
from typing import Any

#: Packages whose own errors of purpose are texts for their users.
LIBRARIES = ('mmengine', 'mmcv', 'mmseg', 'mmdet', 'mmpretrain', 'pycocotools', 'PIL', 'numpy')
_RAISE = dis.opmap['RAISE_VARARGS']
_WORKER = re.compile(r'Caught (\w+) in DataLoader worker process \d+\.')
_LAST_FRAME = re.compile(r'  File "([^"]+)", line \d+, in \S+\n    ([^\n]*)')


def frames(exc: BaseException) -> list[FrameType]:
    """Return the frames of a traceback, the innermost one last.

    Args:
        exc: An exception that was raised.
    """
    found = []
    traceback = exc.__traceback__
    while traceback is not None:
        found.append(traceback.tb_frame)
        traceback = traceback.tb_next
    return found


def package(frame: FrameType) -> str:
    """Return the package of the code of a frame: ``mmseg`` for ``mmseg.models.losses``."""
    return str(frame.f_globals.get('__name__', '')).partition('.')[0]


def kinds(value: Any) -> list[str]:
    """Return the names of the class of an object and of all its base classes."""
    return [cls.__name__ for cls in type(value).__mro__]


def objects(exc: BaseException) -> Iterator[tuple[Any, FrameType]]:
    """Yield the object of each method of a traceback and the frame, the innermost one first.

    Args:
        exc: An exception that was raised.
    """
    for frame in reversed(frames(exc)):
        if 'self' in frame.f_locals:
            yield frame.f_locals['self'], frame


def raised_by_library(exc: BaseException) -> bool:
    """Tell whether a statement ``raise`` or ``assert`` of a library raised an exception.

    Other errors come from the interpreter or from compiled code. Their texts are for programmers.

    Args:
        exc: An exception that was raised; the error of a loader's process, too.
    """
    text = worker_text(exc)
    if text is not None:
        places = _LAST_FRAME.findall(text)
        folders = re.split(r'[\\/]', places[-1][0]) if places else []
        return bool(
            places
            and places[-1][1].startswith(('raise ', 'assert '))
            and any(name in folders for name in LIBRARIES)
        )
    traceback = exc.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None or package(traceback.tb_frame) not in LIBRARIES:
        return False
    return traceback.tb_frame.f_code.co_code[traceback.tb_lasti] == _RAISE


def worker_text(exc: BaseException) -> str | None:
    """Return the traceback of a loader's process as a text; None for another error.

    Args:
        exc: An exception. torch raises the error of a loader's process again, with a text only.
    """
    text = str(exc.args[0]) if exc.args else ''
    return text.strip() if _WORKER.match(text) else None


def phase(exc: BaseException) -> str | None:
    """Return what ran: ``'train'``, ``'val'`` or ``'test'``; None if no loop ran.

    Args:
        exc: An exception that was raised.
    """
    for value, _ in objects(exc):
        names = kinds(value)
        if 'BaseLoop' in names:
            return 'val' if 'ValLoop' in names else 'test' if 'TestLoop' in names else 'train'
    return None


def batch(exc: BaseException) -> tuple[Any, Any]:
    """Return the runner and the batch of the iteration that failed; None for what is not there.

    Args:
        exc: An exception that was raised.
    """
    for value, frame in objects(exc):
        if 'BaseLoop' in kinds(value) and 'data_batch' in frame.f_locals:
            return value.runner, frame.f_locals['data_batch']
    return None, None
