"""Whether the fields of a checkpoint that a resume reads are of their kinds."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from spikedense.errors import UserError

_MAPPING, _LIST = 'a dictionary', 'a list'
_COUNT, _SEED = 'a whole number from 0 on', 'a whole number from 0 to 4294967295'
_KINDS = {
    'meta': _MAPPING,
    'meta.epoch': _COUNT,
    'meta.iter': _COUNT,
    'meta.seed': _SEED,
    'message_hub': _MAPPING,
    'message_hub.log_scalars': _MAPPING,
    'message_hub.runtime_info': _MAPPING,
    'message_hub.resumed_keys': _MAPPING,
    'state_dict': _MAPPING,
    'optimizer': _MAPPING,
    'optimizer.state': _MAPPING,
    'optimizer.param_groups': _LIST,
    'accumulated_gradients': _MAPPING,
}
_OF_HUB = ('log_scalars', 'runtime_info', 'resumed_keys')
_SCORE = 'best_score'


def check_resumed_file(source: str, checkpoint: Mapping[str, Any]) -> None:
    """Check the kinds of the fields that torch and mmengine read without a look.

    Args:
        source: Name of the checkpoint for the user.
        checkpoint: Content of the file. What is absent is not checked.

    Raises:
        UserError: A field holds something else.
    """
    for key, kind in _KINDS.items():
        value: Any = checkpoint
        for part in key.split('.'):
            value = value.get(part) if isinstance(value, Mapping) else None
        given = value is not None or checkpoint.get(key, 0) is None
        if given and not _is(value, kind):
            _refuse(source, key, value, kind)
    hub = checkpoint.get('message_hub') or {}
    missing = [name for name in _OF_HUB if hub and name not in hub]
    if missing:
        _refuse(source, 'message_hub', list(hub), f'{", ".join(missing)} in it')
    for name, value in (hub.get('runtime_info') or {}).items():
        if str(name).startswith(_SCORE) and not isinstance(value, int | float):
            _refuse(source, f'message_hub.runtime_info.{name}', value, 'a number')
    for key in checkpoint.get('state_dict') or {}:
        if not isinstance(key, str):
            _refuse(source, 'a key of state_dict', key, 'a text')
    for i, group in enumerate((checkpoint.get('optimizer') or {}).get('param_groups') or ()):
        if not (isinstance(group, Mapping) and isinstance(group.get('params'), list)):
            _refuse(source, f'optimizer.param_groups.{i}', group, "a dictionary with 'params'")
    for name, value in (checkpoint.get('accumulated_gradients') or {}).items():
        if not isinstance(value, Tensor):
            _refuse(source, f"accumulated_gradients['{name}']", value, 'a tensor')


def _is(value: Any, kind: str) -> bool:
    if kind in (_COUNT, _SEED):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole and 0 <= value < (2**32 if kind == _SEED else 2**63)
    return isinstance(value, list) if kind == _LIST else isinstance(value, Mapping)


def _refuse(source: str, key: str, value: Any, expected: str) -> None:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f'{shown[:57]}...'
    raise UserError(f"--resume: '{source}': {key} is {shown}, expected {expected}")
