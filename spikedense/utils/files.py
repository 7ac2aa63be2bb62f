"""Files that are either complete or absent."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def complete_or_absent(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside the file, and rename it to the file at the end.

    A process that is killed leaves no half-written file under the file's own name. If the block
    raises an error, the temporary file is removed and an older file stays as it was.

    Args:
        path: The file to write. Its folder must exist.

    Yields:
        The temporary path. It has the suffix of the file.
    """
    path = Path(path)
    temporary = path.with_name(f'.part-{os.getpid()}-{path.name}')
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_file(path: str | Path, content: str | bytes) -> None:
    """Write a text (UTF-8) or bytes to a file, completely or not at all.

    Args:
        path: The file. Its folder must exist.
        content: Content of the file.
    """
    with complete_or_absent(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
