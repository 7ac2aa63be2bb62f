"""Where golden numbers and sample data are, for tests that can use them."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def shared_folder(variable: str, default: str) -> Path | None:
    """Folder named by an environment variable, by default beside the repository.

    Args:
        variable: the variable's name.
        default: path relative to the repository.

    Returns:
        The folder, or None where it is absent.
    """
    folder = Path(os.environ.get(variable) or ROOT / default).resolve()
    return folder if folder.is_dir() else None


REFERENCE_DIR = shared_folder('REFERENCE_DIR', '../shared/reference')
DATA_ROOT = shared_folder('DATA_ROOT', '../shared/data')
