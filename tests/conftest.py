"""Fixtures that all tests share."""

import os
from pathlib import Path

import pytest
import torch

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


@pytest.fixture(scope='session')
def repo_root() -> Path:
    """Root of the repository."""
    return ROOT


@pytest.fixture(scope='session')
def data_root() -> Path:
    """Folder of real sample data."""
    folder = shared_folder('DATA_ROOT', '../shared/data')
    if folder is None:
        pytest.skip('no sample data: set DATA_ROOT to the folder that holds camvid, voc_sample')
    return folder


@pytest.fixture(scope='session')
def reference_dir() -> Path:
    """Folder of golden numbers."""
    if REFERENCE_DIR is None:
        pytest.skip('no golden numbers: set REFERENCE_DIR to the folder that holds them')
    return REFERENCE_DIR


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)
