"""Backbones, one file for each family. All are subclasses of :class:`SpikeBackbone`."""

from .base import SpikeBackbone, SpikeStage
from .ms_resnet import MSResNet
from .pyramid import SpikeDrivenPyramid
from .qkformer import QKFormer
from .sdtv2 import SDTV2
from .sdtv3 import SDTV3
from .sdtv3_large import SDTV3Large
from .sew_resnet import SEWResNet, SpikingResNet
from .spike_sums import SpikeSumTransformer
from .spikformer import Spikformer
from .spikingresformer import SpikingResformer

__all__ = [
    'SDTV2',
    'SDTV3',
    'MSResNet',
    'QKFormer',
    'SDTV3Large',
    'SEWResNet',
    'SpikeBackbone',
    'SpikeDrivenPyramid',
    'SpikeStage',
    'SpikeSumTransformer',
    'Spikformer',
    'SpikingResNet',
    'SpikingResformer',
]
