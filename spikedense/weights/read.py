"""Reading of checkpoint files."""

import re
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.runner import CheckpointLoader
from torch import Tensor

# The import makes mmengine's loader ours.
from spikedense import checkpoint_files  # noqa: F401
from spikedense.errors import UserError

#: Keys of the state dict in the checkpoints of various code bases. Weights that were averaged over
#: the training are taken if a file has no others.
_CONTAINERS = ('state_dict', 'model', 'module', 'state_dict_ema', 'model_ema')


class Checkpoint(dict):
    """The content of a checkpoint file.

    Attributes:
        source: Path or address of the file, for messages.
    """

    def __init__(self, content: Mapping[str, Any], source: str) -> None:
        super().__init__(content)
        # A bare state dict has the versions of its modules here.
        self._metadata = getattr(content, '_metadata', None)
        self.source = source


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a checkpoint on the CPU.

    Args:
        path: Path or address of the file.

    Returns:
        The content of the file.

    Raises:
        UserError: The address does not answer, the file is damaged or refused, or it holds no
            dictionary.
        FileNotFoundError: There is no such file.
    """
    path = str(path)
    content = CheckpointLoader.load_checkpoint(path, map_location='cpu', logger='silent')
    if not isinstance(content, dict):
        raise UserError(
            f"'{path}' holds a {type(content).__name__}, a checkpoint is a dictionary with "
            'a state_dict'
        )
    return Checkpoint(content, path)


def read_state_dict(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Find the state dict in a checkpoint.

    Args:
        checkpoint: Content of a file: ``{'state_dict': ...}``, ``{'model': ...}``, only
            ``{'model_ema': ...}``, or bare keys.

    Returns:
        Tensors by keys without ``module.``, which data-parallel wrappers put in front; empty if
        the checkpoint has no tensors. Versions of modules (``_metadata``) are kept, because modules
        rename old keys by them.
    """
    for name in _CONTAINERS:
        inner = checkpoint.get(name)
        if isinstance(inner, Mapping):
            checkpoint = inner
            break
    state = OrderedDict(
        (_unwrapped(key), value)
        for key, value in checkpoint.items()
        if isinstance(value, Tensor) or key.endswith('_extra_state')
    )
    versions = getattr(checkpoint, '_metadata', None)
    if versions is not None:
        state._metadata = {_unwrapped(k): v for k, v in versions.items()}  # type: ignore[attr-defined]
    return state


def _unwrapped(key: str) -> str:
    return re.sub(r'^module(\.|$)', '', key)
