"""What the command lines call: training, testing, predicting, and errors made for users.

The inferencers are imported when they are asked for: one of them needs mmdet.
"""

from importlib import import_module
from typing import Any

from spikedense.utils.ops_guard import require_mmcv_ops

from .errors import UserError, report_errors
from .launch import test, train

_WHEN_ASKED_FOR = {
    'DetInferencer': '.det_inferencer',
    'SegInferencer': '.seg_inferencer',
    'open_inferencer': '.inferencer',
}

__all__ = ['UserError', 'report_errors', 'test', 'train', *_WHEN_ASKED_FOR]


def __getattr__(name: str) -> Any:
    if name not in _WHEN_ASKED_FOR:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    if name == 'DetInferencer':
        require_mmcv_ops(name)
    return getattr(import_module(_WHEN_ASKED_FOR[name], __name__), name)
