"""Backbones: one file a family."""

from .base import SpikeDrivenBackbone
from .sdtv2 import SDTV2
from .sdtv3 import SDTV3

__all__ = ['SDTV2', 'SDTV3', 'SpikeDrivenBackbone']
