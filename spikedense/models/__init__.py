"""Models, registered in ``spikedense.registry.MODELS``.

Everywhere, ``neuron_cfg``, ``norm_cfg`` and ``init_cfg`` are the configs of the neuron, of the norm
and of mmengine's initialisation.
"""

# mmengine imports this room for a config that names one of our classes.
from spikedense import checkpoint_files  # noqa: F401

# Before the models, because the import tells in one sentence if torchvision does not fit torch.
from spikedense.ops import mmcv_ext  # noqa: F401

from . import (
    backbones,
    classifiers,
    cls_heads,
    data_preprocessors,
    decode_heads,
    dense_heads,
    necks,
    pixel_decoders,
    roi_heads,
    selfsup,
    transformer_decoders,
)

__all__ = [
    'backbones',
    'classifiers',
    'cls_heads',
    'data_preprocessors',
    'decode_heads',
    'dense_heads',
    'necks',
    'pixel_decoders',
    'roi_heads',
    'selfsup',
    'transformer_decoders',
]
