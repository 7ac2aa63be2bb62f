"""Backbones, one file for each family. All are subclasses of :class:`SpikeBackbone`."""

from .base import SpikeBackbone, SpikeStage
from .maxformer import MaxFormer, MSQKFormer
from .ms_resnet import MSResNet
from .pyramid import SpikeDrivenPyramid
from .qkformer import QKFormer
from .sdtv1 import SDTV1
from .sdtv2 import SDTV2
from .sdtv3 import SDTV3
from .sdtv3_large import SDTV3Large
from .sew_resnet import SEWResNet, SpikingResNet
from .spike_at_conv import SpikeAtConv
from .spike_sums import SpikeSumTransformer
from .spikformer import Spikformer
from .spikingformer import Spikingformer
from .spikingresformer import SpikingResformer
from .stsep_resnet import STSepResNet
from .transformer import SpikeTransformer

__all__ = [
    'SDTV1',
    'SDTV2',
    'SDTV3',
    'MSQKFormer',
    'MSResNet',
    'MaxFormer',
    'QKFormer',
    'SDTV3Large',
    'SEWResNet',
    'STSepResNet',
    'SpikeAtConv',
    'SpikeBackbone',
    'SpikeDrivenPyramid',
    'SpikeStage',
    'SpikeSumTransformer',
    'SpikeTransformer',
    'Spikformer',
    'SpikingResNet',
    'SpikingResformer',
    'Spikingformer',
]
