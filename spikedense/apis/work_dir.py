"""The folder of a run: the checkpoint to resume from, and the cleaning after a failed start."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.dist import is_main_process

from spikedense.checks.checkpoint import existing_checkpoint
from spikedense.errors import UserError
from spikedense.utils.explain import translate

_CHECKPOINT = re.compile(r'(?:iter|epoch)_(\d+)\.pth')
_LOG_DIR = re.compile(r'\d{8}_\d{6}')


def find_checkpoint(resume: str, work_dir: str) -> str:
    """Find the checkpoint that ``--resume`` means.

    Args:
        resume: A path, or ``auto`` for the newest checkpoint of the folder.
        work_dir: The folder of the run.

    Returns:
        Path of the checkpoint.

    Raises:
        UserError: There is no checkpoint.
    """
    if resume != 'auto':
        return existing_checkpoint(resume)
    pointer = Path(work_dir, 'last_checkpoint')
    if pointer.is_file():
        named = pointer.read_text().strip()
        # The folder may have been moved, so the name is also looked up beside the pointer.
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


@contextmanager
def nothing_left_behind(
    work_dir: str, config_name: str, started: Callable[[], bool]
) -> Iterator[None]:
    """Remove what a run wrote if it ended before its first iteration.

    The cause is an error of the user or a signal.

    Log folders and the copy of the config are removed if the run has written them, and the work dir
    if the run has created it. Other files stay.

    Args:
        work_dir: The folder of the run.
        config_name: File name of the copy of the config.
        started: Tells whether an iteration has begun.
    """
    root = Path(work_dir)
    made = [path for path in (root, *root.parents) if not path.exists()]
    before = set(root.iterdir()) if root.is_dir() else set()
    try:
        yield
    except (Exception, KeyboardInterrupt) as exc:
        ended = isinstance(exc, KeyboardInterrupt) or translate(exc) is not None
        if not started() and ended and is_main_process():
            for path in set(root.iterdir()) - before if root.is_dir() else set():
                if path.is_dir() and _LOG_DIR.fullmatch(path.name):
                    shutil.rmtree(path, ignore_errors=True)
                elif path.name == config_name:
                    path.unlink()
            for path in made:
                if path.is_dir() and not any(path.iterdir()):
                    path.rmdir()
        raise
