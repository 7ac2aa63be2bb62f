"""Backbones, one file for each family. All are subclasses of :class:`SpikeBackbone`."""

from .base import SpikeBackbone, SpikeStage
from .pyramid import SpikeDrivenPyramid
from .sdtv2 import SDTV2
from .sdtv3 import SDTV3

__all__ = ['SDTV2', 'SDTV3', 'SpikeBackbone', 'SpikeDrivenPyramid', 'SpikeStage']
