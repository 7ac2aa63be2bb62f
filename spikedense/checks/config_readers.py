"""Which class or function reads a part of a config."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner, TestLoop, ValLoop
from torch.utils.data import DataLoader

from spikedense.utils.known_names import find_class


def reader_of(cfg: Config, node: Mapping[str, Any], path: Sequence[str]) -> Any:
    """Return the class or function that gets a part of a config as its arguments.

    Args:
        cfg: The config.
        node: The part.
        path: The keys that lead to the part; empty for the whole config.

    Returns:
        The class of a ``type``, or what mmengine calls with a part that has no ``type``; None if
        the class is not known, or if several functions read the part.
    """
    if not path:
        return Runner.__init__
    kind = node.get('type')
    if kind is not None:
        if not isinstance(kind, str):
            return kind if callable(kind) else None
        # Mixers and neurons of this package are named without a scope.
        scopes = (cfg.get('default_scope'), 'spikedense')
        return next((c for c in (find_class(kind, scope) for scope in scopes) if c), None)
    return _untyped(path[0], node) if len(path) == 1 else None


def _untyped(name: str, node: Mapping[str, Any]) -> Any:
    """Return what reads a top-level section of mmengine that needs no ``type``."""
    if name.endswith('_dataloader'):
        return DataLoader
    readers: dict[str, Any] = {
        'randomness': Runner.set_randomness,
        'train_cfg': EpochBasedTrainLoop if node.get('by_epoch', True) else IterBasedTrainLoop,
        'val_cfg': ValLoop,
        'test_cfg': TestLoop,
        'optim_wrapper': OptimWrapper,
    }
    return readers.get(name)
