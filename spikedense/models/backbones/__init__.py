"""Backbones, one file for each family. All are subclasses of :class:`SpikeBackbone`."""

from .base import SpikeBackbone, SpikeStage
from .pyramid import SpikeDrivenPyramid
from .sdtv2 import SDTV2
from .sdtv3 import SDTV3
from .sdtv3_large import SDTV3Large
from .spikingresformer import SpikingResformer

__all__ = [
    'SDTV2',
    'SDTV3',
    'SDTV3Large',
    'SpikeBackbone',
    'SpikeDrivenPyramid',
    'SpikeStage',
    'SpikingResformer',
]
