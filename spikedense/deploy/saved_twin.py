"""Checkpoints of spike-driven twins, which are other module trees than their models."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from spikedense.checkpoint_files import plain
from spikedense.errors import UserError
from spikedense.utils.files import complete_or_absent

from .spike_inference import to_spike_inference

#: Key in the ``meta`` of a checkpoint whose state dict is that of a twin.
_MARK = 'spike_inference'


def save_twin(twin: nn.Module, file: Path, meta: Mapping[str, Any] | None = None) -> None:
    """Write the checkpoint of a twin; :func:`as_saved` builds the modules for it.

    Args:
        twin: The twin.
        file: The file.
        meta: Further metadata, as the names of the classes.
    """
    content = {'meta': {**plain(meta or {}), _MARK: True}, 'state_dict': twin.state_dict()}
    with complete_or_absent(file) as partial:
        torch.save(content, partial)


def is_twin(checkpoint: Mapping[str, Any]) -> bool:
    """Tell whether a checkpoint is that of a twin.

    Args:
        checkpoint: Content of the file.
    """
    return bool((checkpoint.get('meta') or {}).get(_MARK))


def as_saved(model: nn.Module, checkpoint: Mapping[str, Any]) -> nn.Module:
    """Return the modules that the state dict of a checkpoint belongs to.

    Args:
        model: The model of the config, with any weights.
        checkpoint: Content of the file.

    Returns:
        The model, or its twin if the checkpoint is that of a twin. No weights are loaded.

    Raises:
        UserError: The checkpoint is that of a twin, and the model has none.
    """
    if not is_twin(checkpoint):
        return model
    try:
        return to_spike_inference(model)[0]
    except ValueError as error:
        raise UserError(f'the checkpoint is that of a spike-driven twin; {error}') from error
