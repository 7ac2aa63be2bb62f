"""Spiking neural networks for dense prediction, as a plug-in of mmseg, mmdet and mmpretrain.

Importing the package imports neither torch nor any mm library; `spikedense.registry` does, when a
config names one of our classes. So `spikedense doctor` also works where those are broken.
"""

from importlib import import_module
from typing import Any

from .utils.mmcv_ops import provide_operators
from .utils.model_names import list_models
from .version import __version__

__all__ = ['__version__', 'get_model', 'list_models']

provide_operators()


def __getattr__(name: str) -> Any:
    if name != 'get_model':
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return import_module('.inference', __name__).get_model
