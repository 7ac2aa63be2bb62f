"""Fixtures that all tests share."""

import gc
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import mmengine.config.utils
import pytest
import torch
import yapf.yapflib.yapf_api
from browser import start_browser
from mmengine.registry import DefaultScope
from shared_folders import DATA_ROOT, REFERENCE_DIR, ROOT

from spikedense.utils.mmcv_ops import provide_operators

# Each base that a config takes from a library makes mmengine read all of that library's metafiles,
# about a hundred YAML files.
mmengine.config.utils.load = cache(mmengine.config.utils.load)

# Before a test imports mmdet.
provide_operators()

# A run lays out its config, in a fifth of a second. Tests read the text, not its layout; those that
# start a tool as a process see the layout, too.
yapf.yapflib.yapf_api.FormatCode = lambda text, **_: (text, True)


def pytest_collection_finish() -> None:
    """Exempt what is imported from garbage collection, which each data set of mmengine starts."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope='session')
def repo_root() -> Path:
    """Root of the repository."""
    return ROOT


@pytest.fixture(scope='session')
def data_root() -> Path:
    """Folder of real sample data."""
    if DATA_ROOT is None:
        pytest.skip('no sample data: set DATA_ROOT to the folder that holds camvid, voc_sample')
    return DATA_ROOT


@pytest.fixture(scope='session')
def reference_dir() -> Path:
    """Folder of golden numbers."""
    if REFERENCE_DIR is None:
        pytest.skip('no golden numbers: set REFERENCE_DIR to the folder that holds them')
    return REFERENCE_DIR


@pytest.fixture(scope='session')
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Headless Chromium; tests leave its window as wide as it was."""
    opened = start_browser(tmp_path_factory.mktemp('profile'))
    yield opened
    opened.quit()


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """Seeds the test, and lets no default scope of mmengine outlive it."""
    torch.manual_seed(0)
    yield
    DefaultScope._instance_dict.clear()
