"""Checkpoints of tensors, numbers, texts, lists and dictionaries, which any safe reader takes."""

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from torch import Tensor

_LOG_KEYS = {'log_history', 'count_history', 'max_length'}


def plain(value: Any) -> Any:
    """Copy the content of a checkpoint, and replace the classes of mmengine and numpy.

    Args:
        value: The content, or a part of it.

    Returns:
        The copy, which shares the tensors. Log buffers are dictionaries of tensors, numpy's numbers
        and arrays are numbers and lists, paths are texts. Objects of other classes stay.
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, OrderedDict):
        copied = OrderedDict((key, plain(each)) for key, each in value.items())
        # A state dict has the versions of its modules here.
        copied.__dict__.update(value.__dict__)
        return copied
    if isinstance(value, Mapping):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return (list if isinstance(value, list) else tuple)(plain(each) for each in value)
    if isinstance(value, HistoryBuffer):
        log, count = (torch.tensor(np.asarray(each, dtype=float)) for each in value.data)
        return {'log_history': log, 'count_history': count, 'max_length': value.max_length}
    if isinstance(value, np.generic | np.ndarray):
        return plain(value.tolist())
    return str(value) if isinstance(value, PurePath) else value


def log_buffer(value: Any) -> Any:
    """Turn a log buffer back that :func:`plain` has made plain; any other value stays.

    Args:
        value: A value of ``log_scalars``.
    """
    if not isinstance(value, dict) or set(value) != _LOG_KEYS:
        return value
    history = [value[key].cpu().numpy() for key in ('log_history', 'count_history')]
    return HistoryBuffer(*history, value['max_length'])
