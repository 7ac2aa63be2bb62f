"""One training in one folder: a second one is refused."""

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spikedense.errors import UserError

from .environment import is_first_of_all, say
from .work_dir import remove_empty

LOCK_NAME = '.training.lock'

_held: set[int] = set()


def _let_go() -> None:
    """Close the locks in a forked process: a worker may outlive a killed run for some seconds."""
    for handle in _held:
        with suppress(OSError):
            os.close(handle)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def sole_training(work_dir: str, launcher: str) -> Iterator[None]:
    """Hold the lock of a folder, and create the folder if it is missing.

    The first process of a run holds the lock for all of them. The system releases the lock however
    the process ends, so a file that a killed process has left stops nobody.

    Args:
        work_dir: The folder. It is removed at the end if it was missing and is empty.
        launcher: How the processes of the run were started.

    Raises:
        UserError: Another training works in the folder, or the folder cannot be written.
    """
    if not is_first_of_all(launcher):
        yield
        return
    root = Path(work_dir)
    made = [path for path in (root, *root.parents) if not path.exists()]
    root.mkdir(parents=True, exist_ok=True)
    path = root / LOCK_NAME
    handle = _locked(path)
    try:
        yield
    finally:
        if handle is not None:
            _held.discard(handle)
            # While the lock is held: the next process locks a new file.
            path.unlink(missing_ok=True)
            os.close(handle)
        remove_empty(made)


def _locked(path: Path) -> int | None:
    """Lock a file; return its handle, or None if the file system has no locks."""
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as exc:
            raise UserError(
                f"cannot write to the work dir '{path.parent}': {exc.strerror}"
            ) from exc
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(handle, 300).decode(errors='replace')
            os.close(handle)
            raise UserError(
                f"'{path.parent}' belongs to the training of {_named(holder)}, which still runs, "
                'expected another folder by --work-dir'
            ) from None
        except OSError as exc:
            os.close(handle)
            path.unlink(missing_ok=True)
            say(
                f"'{path.parent}' cannot be locked ({exc.strerror}): a second training in this "
                'folder would not be noticed'
            )
            return None
        # The former holder may have removed the file after it was opened here.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                break
        os.close(handle)
    _held.add(handle)
    os.ftruncate(handle, 0)
    os.write(handle, f'{os.getpid()} {socket.gethostname()}\n'.encode())
    return handle


def _named(holder: str) -> str:
    process, _, host = holder.strip().partition(' ')
    if not process:
        return 'another process'
    return f'process {process}' + (f' on {host}' if host != socket.gethostname() else '')
