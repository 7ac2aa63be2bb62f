"""Pixel decoders: from a backbone's pyramid to mask features and a query decoder's memories."""

from .deformable_attention import SpikeDrivenDeformableAttention
from .sdte import SDTELayer, SpikeEncoder, SpikeEncoderLayer
from .sdte_pixel_decoder import SDTEPixelDecoder

__all__ = [
    'SDTELayer',
    'SDTEPixelDecoder',
    'SpikeDrivenDeformableAttention',
    'SpikeEncoder',
    'SpikeEncoderLayer',
]
