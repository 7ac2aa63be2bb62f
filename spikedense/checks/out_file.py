"""The check that a file can be written, before the work for its content starts."""

from collections.abc import Iterable
from pathlib import Path

from spikedense.errors import UserError


def check_out_file(
    option: str,
    path: Path | None,
    suffix: str | None = None,
    inputs: Iterable[str | Path | None] = (),
) -> None:
    """Refuse an output file that cannot be written.

    Args:
        option: The option that names the file.
        path: The file; None is accepted, because the file is not asked for.
        suffix: The suffix that the file must have, as ``.html``; by default any.
        inputs: What the command reads; None is skipped.

    Raises:
        UserError: The suffix is another one, the file is a folder or an input, or its folder does
            not exist.
    """
    if path is None:
        return
    if suffix is not None and path.suffix != suffix:
        raise UserError(f"{option} '{path}': expected a name that ends in {suffix}")
    if path.is_dir() or not path.parent.is_dir():
        raise UserError(f"{option} '{path}': expected a file in a folder that exists")
    check_file(option, path, inputs)


def check_file(option: str, out: str | Path, inputs: Iterable[str | Path | None]) -> None:
    """Check that an output is not one of the inputs.

    Args:
        option: Name of the option, for the message.
        out: The file to write.
        inputs: Files that are read; None and addresses are skipped.

    Raises:
        UserError: The output is an input.
    """
    target = real_path(out)
    for path in inputs:
        if path is not None and real_path(path) == target:
            raise UserError(f"{option} '{out}' is an input of this command, expected another file")


def real_path(path: str | Path) -> Path:
    """Return the absolute path of a file or folder, without links."""
    return Path(path).expanduser().resolve()
