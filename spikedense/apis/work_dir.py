"""The folder of a run: what it holds to resume from, and its state after a failed start."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.dist import is_main_process

from .errors import UserError, translate

_CHECKPOINT = re.compile(r'(?:iter|epoch)_(\d+)\.pth')
_LOG_DIR = re.compile(r'\d{8}_\d{6}')


def find_checkpoint(resume: str, work_dir: str) -> str:
    """The checkpoint that ``--resume`` means.

    Args:
        resume: A path, or ``auto`` for the newest one of the work dir.
        work_dir: The work dir.

    Returns:
        Path of the checkpoint.
    """
    if resume != 'auto':
        return existing_checkpoint(resume)
    pointer = Path(work_dir, 'last_checkpoint')
    if pointer.is_file():
        named = pointer.read_text().strip()
        # The work dir may have been moved since: look beside the pointer too.
        for path in (Path(named), pointer.parent / Path(named).name):
            if named and path.is_file():
                return str(path)
    numbered = [
        (int(match[1]), path)
        for path in Path(work_dir).glob('*.pth')
        if (match := _CHECKPOINT.fullmatch(path.name))
    ]
    if not numbered:
        raise UserError(
            f"--resume: there is no checkpoint in '{work_dir}'; start without --resume, or name a "
            'checkpoint as --resume PATH'
        )
    return str(max(numbered)[1])


def existing_checkpoint(path: str) -> str:
    """A checkpoint's path, seen to exist unless it is an address.

    Args:
        path: Path or address.

    Returns:
        The same.
    """
    if '://' not in path and not Path(path).expanduser().is_file():
        raise UserError(f"there is no checkpoint '{path}'")
    return path


@contextmanager
def nothing_left_behind(
    work_dir: str, config_name: str, started: Callable[[], bool]
) -> Iterator[None]:
    """Take back what a run wrote if it failed on a user's error before its first iteration.

    Only the log folders and the copy of the config that were not there before are removed, and
    the work dir itself if it was made for this run.

    Args:
        work_dir: Folder of the run.
        config_name: File name of the config's copy in it.
        started: Tells whether an iteration has begun.
    """
    root = Path(work_dir)
    made = [path for path in (root, *root.parents) if not path.exists()]
    before = set(root.iterdir()) if root.is_dir() else set()
    try:
        yield
    except Exception as exc:
        if not started() and translate(exc) is not None and is_main_process():
            for path in set(root.iterdir()) - before if root.is_dir() else set():
                if path.is_dir() and _LOG_DIR.fullmatch(path.name):
                    shutil.rmtree(path, ignore_errors=True)
                elif path.name == config_name:
                    path.unlink()
            for path in made:
                if path.is_dir() and not any(path.iterdir()):
                    path.rmdir()
        raise
