"""Names of output files: no two images share one, and no name loses a part."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

# `frame.0001` is a name with a number, not a name with a suffix.
_SUFFIX = re.compile(r'\.[A-Za-z]\w*$')


def name_of(path: str | Path) -> str:
    """Return the name of a file without its suffix.

    Args:
        path: Path of the file.

    Returns:
        The last part of the path, without a suffix that begins with a letter.
    """
    name = Path(path).name
    return _SUFFIX.sub('', name) or name


def unique_names(paths: Sequence[str]) -> dict[str, str]:
    """Give each file a name for its output, the same in each process.

    Args:
        paths: Paths of the files.

    Returns:
        Path -> name without suffix: the file's own name; if files of several folders share a name,
        the path below the folder that holds all of them; if that is not enough, with the suffix.
    """
    files = list(dict.fromkeys(paths))
    names = {path: name_of(path) for path in files}
    if _are_unique(names.values()):
        return names
    parents = [os.path.dirname(os.path.abspath(path)) for path in files]
    try:
        root = os.path.commonpath(parents)
    except ValueError:  # files of several drives
        return {path: f'{number:06d}_{name}' for number, (path, name) in enumerate(names.items())}
    below = {
        path: Path(os.path.relpath(parent, root), names[path]).as_posix()
        for path, parent in zip(files, parents, strict=True)
    }
    if _are_unique(below.values()):
        return below
    return {path: Path(name).with_name(Path(path).name).as_posix() for path, name in below.items()}


def _are_unique(names: Iterable[str]) -> bool:
    # Some file systems take `A.png` and `a.png` for one file.
    return max(Counter(name.casefold() for name in names).values(), default=1) == 1
