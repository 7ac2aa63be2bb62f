"""A model opened from a config and a checkpoint, the images it reads and the predictions it makes.

The inferencers are imported when they are asked for, because mmseg and mmdet take seconds.
"""

from importlib import import_module
from typing import Any

_MODULES = {
    'DetInferencer': '.det_inferencer',
    'SegInferencer': '.seg_inferencer',
    'get_model': '.by_name',
    'open_inferencer': '.opening',
    'open_onnx_inferencer': '.onnx_inferencer',
}

__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    # First, because the import tells in one sentence if torchvision does not fit torch.
    import_module('spikedense.ops.mmcv_ext')
    return getattr(import_module(_MODULES[name], __name__), name)
