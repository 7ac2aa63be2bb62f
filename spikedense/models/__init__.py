"""Models, registered in ``spikedense.registry.MODELS``."""

from . import backbones, cls_heads, decode_heads, necks, pixel_decoders, transformer_decoders

__all__ = [
    'backbones',
    'cls_heads',
    'decode_heads',
    'necks',
    'pixel_decoders',
    'transformer_decoders',
]
