"""mmcv's operators: whether they are compiled, and what takes their place where they are not.

mmdet and mmseg need few operators of mmcv, and torch and torchvision have the same. So nothing has
to be compiled: where mmcv has no compiled operators, ``mmcv._ext`` is the file ``ops/mmcv_ext.py``.
"""

import importlib.machinery
import importlib.metadata
import importlib.util
import re
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from spikedense.errors import UserError

# --no-cache-dir and --force-reinstall prevent that pip uses a cached wheel without the operators.
OPS_COMMAND = (
    "pip install 'setuptools>=77,<81' wheel ninja psutil && MMCV_WITH_OPS=1 pip install "
    '--no-build-isolation --no-cache-dir --force-reinstall --no-deps onedl-mmcv==2.3.6'
)

_MODULE = 'mmcv._ext'
_STAND_IN = Path(__file__).resolve().parents[1] / 'ops' / 'mmcv_ext.py'


class _StandInFinder(MetaPathFinder):
    """Finds ``mmcv._ext`` in this package."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the place of the stand-in, or None for any other module."""
        if fullname != _MODULE:
            return None
        return importlib.util.spec_from_file_location(_MODULE, _STAND_IN)


def provide_operators() -> None:
    """Let Python import the stand-in as ``mmcv._ext`` where mmcv has no compiled operators.

    Python asks its own finders first, so compiled operators are always preferred.
    """
    if not any(isinstance(finder, _StandInFinder) for finder in sys.meta_path):
        sys.meta_path.append(_StandInFinder())


def has_compiled_operators() -> bool:
    """Tell whether the installed mmcv has compiled operators, without importing it."""
    spec = importlib.util.find_spec('mmcv')
    if spec is None or not spec.submodule_search_locations:
        return False
    locations = list(spec.submodule_search_locations)
    return importlib.machinery.PathFinder.find_spec(_MODULE, locations) is not None


def no_such_operator(what: str) -> UserError:
    """Make the error for an operator that only a compiled mmcv has.

    Args:
        what: The operator, as the subject of a sentence.
    """
    return UserError(
        f"{what} needs mmcv's compiled operators, which are not installed; compile them with "
        f'`make ops` in a clone of spikedense, or with `{OPS_COMMAND}`'
    )


def torchvision_misfit() -> tuple[str, str]:
    """Tell that torchvision's operators do not fit the installed torch.

    Returns:
        What is wrong, and the command that installs a matching pair.
    """
    torch, torchvision = map(importlib.metadata.version, ('torch', 'torchvision'))
    needs = importlib.metadata.requires('torchvision') or []
    pins = [re.fullmatch(r'torch *\(?==([\w.]+)[^)]*\)?', text) for text in needs]
    pair = [f'torch=={pin[1]} torchvision=={_release(torchvision)}' for pin in pins if pin]
    what = f'torchvision {torchvision} was not built for torch {torch}: its operators do not load'
    fix = f'pip uninstall -y torch torchvision && pip install {(pair or ["torch torchvision"])[0]}'
    return what, fix


def _release(version: str) -> str:
    """Drop the local part of a version: '0.26.0+cpu' is '0.26.0'."""
    return version.partition('+')[0]
