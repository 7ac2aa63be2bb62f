"""The folder of a run: the checkpoint to resume from, and the cleaning after a failed start."""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process

from spikedense.checkpoint_files import flaw
from spikedense.checks.checkpoint import existing_checkpoint
from spikedense.errors import UserError
from spikedense.utils.explain import translate

from .environment import say

#: The newest checkpoint of the folder, or a new start in a folder without one.
AUTO = 'auto'
#: The newest checkpoint of the folder, which must have one.
NEWEST = 'newest'

_CHECKPOINT = re.compile(r'(iter|epoch)_(\d+)\.pth')
_MISSING = 'it is not there'
#: Characters of the name of a file, which the system looks up.
_LONGEST = 255


def find_checkpoint(resume: str, work_dir: str) -> str | None:
    """Find the checkpoint that ``--resume`` means.

    A damaged checkpoint is left out, with a note that says why.

    Args:
        resume: A path, :data:`NEWEST` or :data:`AUTO`.
        work_dir: The folder of the run.

    Returns:
        Path of the checkpoint; None if the run starts anew, as ``AUTO`` allows.

    Raises:
        UserError: There is no checkpoint, or none is whole.
    """
    if resume not in (AUTO, NEWEST):
        return whole_checkpoint(resume)
    left_out: dict[Path, str] = {}
    for path in _candidates(Path(work_dir)):
        reason = flaw(path) if path.is_file() else _MISSING
        if reason is None:
            for other, its_reason in left_out.items():
                say(f"left out the checkpoint '{other}': {its_reason}")
            if left_out:
                say(f"the run continues from '{path}'")
            return str(path)
        left_out[path] = reason
    if left_out:
        # A new start would end in the same folder, and replace what may still be of use.
        found = '; '.join(f"'{path}': {reason}" for path, reason in left_out.items())
        raise UserError(
            f"--resume: no checkpoint in '{work_dir}' is whole ({found}); move these files and "
            'last_checkpoint away to start anew, or name a checkpoint as --resume PATH'
        )
    if resume == AUTO:
        say(f"there is no checkpoint in '{work_dir}', the run starts anew")
        return None
    raise UserError(
        f"--resume: there is no checkpoint in '{work_dir}'; start without --resume or with "
        '--resume auto, or name a checkpoint as --resume PATH'
    )


def whole_checkpoint(path: str) -> str:
    """Return the path of a checkpoint that exists and is whole.

    Args:
        path: A path, or an address (``https://...``), which is not looked up.

    Returns:
        The same path.

    Raises:
        UserError: There is no such file, or the file is damaged.
    """
    existing_checkpoint(path)
    if '://' in path:
        return path
    file = Path(path).expanduser()
    reason = flaw(file)
    if reason is None:
        return path
    others = (other for other in _candidates(file.parent) if other.is_file())
    whole = next((other for other in others if other != file and flaw(other) is None), None)
    hint = '' if whole is None else f"; the newest whole one beside it is '{whole}'"
    raise UserError(f"cannot read the checkpoint '{path}': {reason}{hint}")


def _candidates(folder: Path) -> Iterator[Path]:
    """Return the checkpoints of a folder, the newest first.

    The first one is that of the pointer ``last_checkpoint``; the file may be missing. Files of a
    larger number than that one come last: an earlier run has left them.
    """
    named, limit = None, None
    pointer = folder / 'last_checkpoint'
    # A power cut can leave anything in a file that mmengine itself has written.
    text = pointer.read_text(errors='replace').strip('\0\n ') if pointer.is_file() else ''
    if text.endswith('.pth') and len(Path(text).name) <= _LONGEST:
        # Beside the pointer first: the folder may be a copy, or may have been moved.
        beside = folder / Path(text).name
        named = Path(text) if Path(text).is_file() and not beside.is_file() else beside
        yield named
        match = _CHECKPOINT.fullmatch(named.name)
        limit = match and int(match[2])
    numbered = []
    for path in folder.glob('*.pth'):
        match = _CHECKPOINT.fullmatch(path.name)
        if match and path != named:
            number = int(match[2])
            numbered.append((limit is None or number <= limit, match[1], number, path))
    if len({kind for _, kind, *_ in numbered}) > 1:
        # Iterations and epochs cannot be compared.
        numbered = [(new, '', path.stat().st_mtime_ns, path) for new, _, _, path in numbered]
    yield from (path for *_, path in sorted(numbered, reverse=True))


@contextmanager
def nothing_left_behind(work_dir: str, runners: Sequence[Any]) -> Iterator[None]:
    """Remove what a run wrote if it ended before its first iteration.

    The cause is an error of the user or a signal.

    The log folder and the copy of the config are removed if they are this run's, and the work dir
    if the run has created it. Other files stay: another run may work in the same folder.

    Args:
        work_dir: The folder of the run.
        runners: Gets the runner as soon as the runner has a log folder.
    """
    root = Path(work_dir)
    made = [path for path in (root, *root.parents) if not path.exists()]
    before = {path.name for path in root.iterdir()} if root.is_dir() else set()
    try:
        yield
    except (Exception, KeyboardInterrupt) as exc:
        started = any(runner.started for runner in runners)
        ended = isinstance(exc, KeyboardInterrupt) or translate(exc) is not None
        if not started and ended and is_main_process():
            for runner in runners:
                shutil.rmtree(runner.log_dir, ignore_errors=True)
                copy = root / Path(runner.cfg.filename).name
                if copy.name not in before and _is_copy(copy, runner.cfg):
                    copy.unlink()
            remove_empty(made)
        raise


def _is_copy(path: Path, cfg: Any) -> bool:
    return path.is_file() and path.read_text(encoding='utf-8') == cfg.pretty_text


def remove_empty(folders: Sequence[Path]) -> None:
    """Remove folders, from the first to the last, as far as they are empty.

    Args:
        folders: The folders, the innermost first.
    """
    for folder in folders:
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
