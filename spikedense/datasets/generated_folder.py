"""Folders of generated data, which are complete or absent, and written once."""

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock

#: File with the parameters of a folder, the number of its files and their bytes.
STAMP = 'demo.json'


def ensure_folder(
    root: str | Path,
    stamp: Mapping[str, Any],
    own: re.Pattern[str],
    write: Callable[[Path], None],
) -> bool:
    """Make sure that a folder holds the complete set of these parameters.

    Several processes may call this function at once: one process writes, the others wait. The set
    is written beside ``root`` and renamed at the end, so ``root`` is never half-written. A folder
    that lost files or was made from other parameters is replaced.

    Args:
        root: The folder.
        stamp: The parameters.
        own: Names of files that belong to such a set; a folder with others is not replaced.
        write: Writes the set into a folder that does not exist yet.

    Returns:
        Whether the set was written by this call.

    Raises:
        FileExistsError: ``root`` holds files that are no part of a demo set.
    """
    root = Path(root).resolve()
    if _is_complete(root, stamp):
        return False
    _check_replaceable(root, own)
    root.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(root.parent / f'.{root.name}.lock'):
        if _is_complete(root, stamp):
            return False
        scratch_prefix = f'.{root.name}.part-'
        # No other process writes while the lock is held, so killed processes left these folders.
        for leftover in root.parent.glob(f'{scratch_prefix}*'):
            shutil.rmtree(leftover)
        scratch = Path(tempfile.mkdtemp(prefix=scratch_prefix, dir=root.parent))
        try:
            new = scratch / 'new'
            write(new)
            files, size = _measure(new)
            content = {**stamp, 'files': files, 'bytes': size}
            (new / STAMP).write_text(json.dumps(content, indent=2) + '\n')
            if root.exists():
                root.rename(scratch / 'old')
            new.rename(root)
        finally:
            shutil.rmtree(scratch)
    return True


def _is_complete(root: Path, expected: Mapping[str, Any]) -> bool:
    """Tell whether the folder was made from these parameters and has all its files."""
    try:
        stamp = json.loads((root / STAMP).read_text())
    except (OSError, ValueError):
        return False
    files, size = _measure(root)
    return stamp == {**expected, 'files': files, 'bytes': size}


def _measure(root: Path) -> tuple[int, int]:
    """Count the files under a folder and their bytes, without the stamp."""
    sizes = [p.stat().st_size for p in root.rglob('*') if p.is_file() and p.name != STAMP]
    return len(sizes), sum(sizes)


def _check_replaceable(root: Path, own: re.Pattern[str]) -> None:
    """Refuse to replace anything that does not look like a demo set, complete or not."""
    if root.is_file():
        raise FileExistsError(f'The demo set cannot be written to {root}: a file has that name.')
    for path in root.rglob('*') if root.exists() else ():
        name = path.relative_to(root).as_posix()
        if path.is_file() and not own.fullmatch(name):
            raise FileExistsError(
                f'The demo set cannot be written to {root}: the folder holds {name}, no part of '
                'a demo set; move it away or choose another folder.'
            )
