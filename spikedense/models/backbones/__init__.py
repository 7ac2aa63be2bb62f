"""Backbones, one file for each family. All are subclasses of :class:`SpikeBackbone`."""

from .base import SpikeBackbone, SpikeStage
from .maxformer import MaxFormer, MSQKFormer
from .pyramid import SpikeDrivenPyramid
from .sdtv1 import SDTV1
from .sdtv2 import SDTV2
from .sdtv3 import SDTV3
from .spikingformer import Spikingformer
from .transformer import SpikeTransformer

__all__ = [
    'SDTV1',
    'SDTV2',
    'SDTV3',
    'MSQKFormer',
    'MaxFormer',
    'SpikeBackbone',
    'SpikeDrivenPyramid',
    'SpikeStage',
    'SpikeTransformer',
    'Spikingformer',
]
