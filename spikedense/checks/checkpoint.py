"""The check that a checkpoint is there."""

from pathlib import Path

from spikedense.errors import UserError


def existing_checkpoint(path: str) -> str:
    """Return the path of a checkpoint that exists.

    Args:
        path: A path, or an address (``https://...``), which is not looked up.

    Returns:
        The same path.

    Raises:
        UserError: There is no such file.
    """
    if '://' not in path and not Path(path).expanduser().is_file():
        raise UserError(f"there is no checkpoint '{path}'")
    return path
