"""Errors of reading and preparing the samples of a data set, with the names of the files."""

import re

from .tracebacks import phase, raised_by_library, worker_text

#: Begins the note that names the files of a sample; see :mod:`spikedense.checks.named_samples`.
NOTE = 'while the pipeline prepared the sample: '
#: Errors that files cause, by name, because the packages need not be imported.
_OF_FILES = ('OSError', 'UnidentifiedImageError', 'EOFError', 'BadZipFile', 'error', 'cv2.error')


def explain_data(exc: BaseException, text: str) -> str | None:
    """Explain an error of a sample.

    Args:
        exc: The exception, of this process or of a process of the loader.
        text: Its message.

    Returns:
        The sentence; None for an error that is not known to come from the data.
    """
    inner = worker_text(exc)
    if inner is None:
        kind = type(exc).__name__
        notes = getattr(exc, '__notes__', ())
        said = f'{kind}: {text.strip()}'
    else:
        notes = inner.splitlines()
        said = error_of_worker(inner)
        kind = said.partition(':')[0]
    files = next((n.removeprefix(NOTE) for n in reversed(notes) if n.startswith(NOTE)), None)
    if inner is None and files is None:
        return None
    if kind.rpartition('.')[2] == 'UserError':
        return said.partition(': ')[2]
    name = kind.rpartition('.')[2]
    if not (name in _OF_FILES or isinstance(exc, OSError) or raised_by_library(exc)):
        return None
    now = phase(exc)
    which = '' if now is None else f' of {now}_dataloader'
    unnamed = files is not None and not any(part in said for part in _paths(files))
    return f'reading the data{which} failed: {said}' + (f' ({files})' if unnamed else '')


def error_of_worker(text: str) -> str:
    """Return the class and the message of the error in the text of a loader's process.

    Args:
        text: See :func:`~spikedense.utils.tracebacks.worker_text`.

    Returns:
        What stands behind the last frame, without notes: ``ValueError: ...``.
    """
    lines = text.splitlines()
    indented = [number for number, line in enumerate(lines) if line.startswith(' ')]
    last = max(indented, default=1) + 1
    said = [line for line in lines[last:] if line.strip() and not line.startswith(NOTE)]
    return ' '.join(said)


def _paths(files: str) -> list[str]:
    return re.findall(r"'([^']+)'", files)
