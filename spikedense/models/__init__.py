"""Models, registered in ``spikedense.registry.MODELS``."""

from spikedense.utils.ops_guard import has_mmcv_ops

from . import backbones, cls_heads, decode_heads, necks, pixel_decoders, transformer_decoders

if has_mmcv_ops():
    from . import dense_heads  # noqa: F401  # mmdet's models cannot be imported without the ops

__all__ = [
    'backbones',
    'cls_heads',
    'decode_heads',
    'necks',
    'pixel_decoders',
    'transformer_decoders',
]
