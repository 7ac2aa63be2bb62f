"""The error for missing compiled ops of mmcv, with the command that installs them."""

import importlib.machinery
import importlib.util

# --no-cache-dir and --force-reinstall prevent that pip uses a cached wheel without the ops.
OPS_COMMAND = (
    "pip install 'setuptools>=77,<81' wheel ninja psutil && MMCV_WITH_OPS=1 pip install "
    '--no-build-isolation --no-cache-dir --force-reinstall --no-deps onedl-mmcv==2.3.6'
)


def has_mmcv_ops() -> bool:
    """Tell whether an mmcv with compiled ops is installed, without importing it."""
    spec = importlib.util.find_spec('mmcv')
    if spec is None or not spec.submodule_search_locations:
        return False
    locations = list(spec.submodule_search_locations)
    return importlib.machinery.PathFinder.find_spec('mmcv._ext', locations) is not None


def has_mmdet_models() -> bool:
    """Tell whether mmdet's models can be imported: they need mmdet and mmcv's ops."""
    if not has_mmcv_ops():
        return False
    try:
        return importlib.util.find_spec('mmdet.models') is not None
    except ModuleNotFoundError:
        return False


def require_mmcv_ops(what: str) -> None:
    """Raise an error if mmcv's compiled ops are missing.

    Args:
        what: What needs the ops, as the subject of a sentence ('Spike2Former').

    Raises:
        ImportError: The ops are missing. The message contains the command that installs them.
    """
    if not has_mmcv_ops():
        raise ImportError(
            f"{what} needs mmcv's compiled ops, which are not installed; in a clone of spikedense "
            f'run `make env`, elsewhere `{OPS_COMMAND}`.'
        )
