"""Models, registered in ``spikedense.registry.MODELS``.

Everywhere, ``neuron_cfg``, ``norm_cfg`` and ``init_cfg`` are the configs of the neuron, of the norm
and of mmengine's initialisation.
"""

from spikedense.utils.ops_guard import has_mmdet_models

from . import backbones, cls_heads, decode_heads, necks, pixel_decoders, transformer_decoders

if has_mmdet_models():
    from . import dense_heads, roi_heads  # noqa: F401

__all__ = [
    'backbones',
    'cls_heads',
    'decode_heads',
    'necks',
    'pixel_decoders',
    'transformer_decoders',
]
