"""Pixel decoders turn the pyramid of a backbone into mask features and memories.

The query decoder attends to the memories.
"""

from .encoder import SpikeEncoder, build_encoder
from .ms_deform import MSDeformEncoder, MSDeformEncoderLayer, SpikeMultiScaleDeformableAttention
from .sdte import SDTELayer, SpikeEncoderLayer
from .sdte_pixel_decoder import SDTEPixelDecoder

__all__ = [
    'MSDeformEncoder',
    'MSDeformEncoderLayer',
    'SDTELayer',
    'SDTEPixelDecoder',
    'SpikeEncoder',
    'SpikeEncoderLayer',
    'SpikeMultiScaleDeformableAttention',
    'build_encoder',
]
