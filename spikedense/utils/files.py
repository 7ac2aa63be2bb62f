"""Files that are either complete or absent."""

import errno
import hashlib
import os
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spikedense.errors import UserError

_HOST = re.sub(r'[^A-Za-z0-9.]', '.', socket.gethostname())
_PART = re.compile(r'\.part-(?P<host>[A-Za-z0-9.]*)-(?P<process>\d+)-.+')
#: A process number of another machine tells nothing, but nobody writes at a file for so long.
_ABANDONED_AFTER = 3600.0

#: Why a file cannot be written, by the number of the error.
WRITE_ERRORS = {
    errno.ENOSPC: 'no space is left on the disk',
    errno.EDQUOT: 'the quota of the disk is used up',
    errno.EFBIG: 'the file is larger than a limit allows (`ulimit -f`, or that of the file system)',
    errno.EROFS: 'the file system is read-only',
    errno.EACCES: 'permission denied',
    errno.EPERM: 'operation not permitted',
    errno.EIO: 'input/output error of the disk',
}
#: How torch tells of a file that it could not write; it does not tell why.
_TORCH = re.compile(r'PytorchStreamWriter failed|inline_container\.cc.*(?:unexpected pos|write)')


@contextmanager
def complete_or_absent(path: str | Path, durable: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside the file, and rename it to the file at the end.

    A process that is killed leaves no half-written file under the file's own name. If the block
    raises an error, the temporary file is removed and an older file stays as it was.

    Args:
        path: The file to write. Its folder must exist.
        durable: Whether the file also outlives a power cut. This waits for the disk.

    Yields:
        The temporary path. It has the suffix of the file.

    Raises:
        UserError: The disk is full or read-only, or the file is too large.
    """
    path = Path(path)
    temporary = path.with_name(temporary_name(path.name))
    try:
        yield temporary
        if durable:
            _to_disk(temporary)
        os.replace(temporary, path)
        if durable:
            # Some network file systems cannot do this for a folder.
            with suppress(OSError):
                _to_disk(path.parent)
    except UserError:
        raise
    except (OSError, RuntimeError) as exc:
        reason = _reason(exc, temporary)
        if reason is None:
            raise
        raise UserError(f"cannot write '{path}': {reason}{_free_space(path)}") from exc
    finally:
        # The finished file may be gone again, and the folder with it.
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def complete_or_absent_folder(path: str | Path) -> Iterator[Path]:
    """Yield a temporary folder beside a new folder, and rename it at the end.

    Args:
        path: The folder to write. It does not exist, or it is empty.

    Yields:
        The temporary folder, which exists.

    Raises:
        UserError: The disk is full or read-only.
    """
    path = Path(path)
    temporary = path.with_name(temporary_name(path.name))
    try:
        temporary.mkdir(parents=True)
        yield temporary
        os.replace(temporary, path)
    except OSError as exc:
        reason = _reason(exc, temporary)
        if reason is None:
            raise
        raise UserError(f"cannot write '{path}': {reason}") from exc
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_file(path: str | Path, content: str | bytes, durable: bool = False) -> None:
    """Write a text (UTF-8) or bytes to a file, completely or not at all.

    Args:
        path: The file. Its folder must exist.
        content: Content of the file.
        durable: Whether the file also outlives a power cut.

    Raises:
        UserError: The disk is full or read-only.
    """
    with complete_or_absent(path, durable) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def temporary_name(name: str) -> str:
    """Return a name that tells :func:`remove_abandoned` whose file it is.

    Args:
        name: The end of the name.
    """
    return f'.part-{_HOST}-{os.getpid()}-{name}'


def remove_abandoned(folder: str | Path) -> None:
    """Remove the temporary files and folders that killed processes have left in a folder.

    A file of a process that still runs stays. A file of another machine counts as abandoned if it
    has not changed for an hour.

    Args:
        folder: The folder. Its subfolders are not searched.
    """
    for path in Path(folder).glob('.part-*'):
        match = _PART.fullmatch(path.name)
        # Another process may finish its file meanwhile.
        with suppress(FileNotFoundError):
            if match is None or not _is_abandoned(path, match):
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _is_abandoned(path: Path, match: re.Match) -> bool:
    process = int(match['process'])
    if match['host'] == _HOST and (process == os.getpid() or not _runs(process)):
        return True
    return time.time() - path.stat().st_mtime > _ABANDONED_AFTER


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _reason(exc: BaseException, temporary: Path) -> str | None:
    """Say why a file could not be written; None if the error is about something else."""
    cause: BaseException | None = exc
    while cause is not None:
        # Writing raises an error without a name. An error with another name is about another file.
        if isinstance(cause, OSError) and cause.filename in (None, str(temporary), temporary):
            return WRITE_ERRORS.get(cause.errno or 0)
        cause = cause.__cause__ or cause.__context__
    if _TORCH.search(str(exc)):
        return 'the disk did not take all of it'
    return None


def _free_space(path: Path) -> str:
    try:
        free = shutil.disk_usage(path.parent).free
    except OSError:
        return ''
    return f'; {free / 2**20:,.1f} MiB are free there'


def sha256_of(path: str | Path) -> str | None:
    """Return the checksum of a file.

    Args:
        path: The file; a user's ``~`` is allowed.

    Returns:
        64 hexadecimal digits; None if there is no such file, for example for an address.
    """
    path = Path(path).expanduser()
    if not path.is_file():
        return None
    with path.open('rb') as file:
        return hashlib.file_digest(file, 'sha256').hexdigest()
