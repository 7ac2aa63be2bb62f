"""Spiking neural networks for dense prediction, as a plug-in of mmseg, mmdet and mmpretrain.

Importing the package imports neither torch nor any mm library; `spikedense.registry` does, when a
config names one of our classes. So `spikedense doctor` also works where those are broken.
"""

from .utils.mmcv_ops import provide_operators
from .version import __version__

__all__ = ['__version__']

provide_operators()
