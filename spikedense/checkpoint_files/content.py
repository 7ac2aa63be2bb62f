"""The content of a checkpoint: texts that would run are left out, log buffers are turned back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer

from spikedense.utils.config_text import is_plain_config
from spikedense.utils.warning_line import warn

#: Texts of a config in the ``meta`` of a checkpoint. mmengine runs both.
_CONFIGS = ('cfg', 'config')
_LOG_KEYS = {'log_history', 'count_history', 'max_length'}


def plain_buffer(buffer: HistoryBuffer) -> dict[str, Any]:
    """Return a log buffer as tensors, which a file can hold without the name of a class.

    Args:
        buffer: The buffer of a loss, for example.
    """
    log, count = (torch.tensor(np.asarray(each, dtype=float)) for each in buffer.data)
    return {'log_history': log, 'count_history': count, 'max_length': buffer.max_length}


def checked_content(content: Any, source: str) -> Any:
    """Leave out the configs that are programs, and turn log buffers back.

    Args:
        content: Content of a checkpoint. It is changed in place.
        source: Path or address of the file, for a warning.

    Returns:
        The content.
    """
    if not isinstance(content, dict):
        return content
    meta = content.get('meta')
    if isinstance(meta, dict):
        for key in _CONFIGS:
            text = meta.get(key)
            if text is not None and not (isinstance(text, str) and is_plain_config(text)):
                del meta[key]
                warn(f"'{source}': meta.{key} is a program and no plain config, it is left out")
    hub = content.get('message_hub')
    if isinstance(hub, dict) and isinstance(hub.get('log_scalars'), dict):
        hub['log_scalars'] = {name: _buffer(log) for name, log in hub['log_scalars'].items()}
    return content


def _buffer(log: Any) -> Any:
    if not isinstance(log, Mapping) or set(log) != _LOG_KEYS:
        return log
    history = [log[key].cpu().numpy() for key in ('log_history', 'count_history')]
    return HistoryBuffer(*history, log['max_length'])
