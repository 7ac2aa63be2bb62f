"""The check that a file can be written, before the work for its content starts."""

from pathlib import Path

from spikedense.errors import UserError


def check_out_file(option: str, path: Path | None, suffix: str | None = None) -> None:
    """Refuse an output file that cannot be written.

    Args:
        option: The option that names the file.
        path: The file; None is accepted, because the file is not asked for.
        suffix: The suffix that the file must have, as ``.html``; by default any.

    Raises:
        UserError: The suffix is another one, the file is a folder, or its folder does not exist.
    """
    if path is None:
        return
    if suffix is not None and path.suffix != suffix:
        raise UserError(f"{option} '{path}': expected a name that ends in {suffix}")
    if path.is_dir() or not path.parent.is_dir():
        raise UserError(f"{option} '{path}': expected a file in a folder that exists")
