"""Models, registered in ``spikedense.registry.MODELS``."""

from . import backbones, cls_heads, decode_heads, necks

__all__ = ['backbones', 'cls_heads', 'decode_heads', 'necks']
