"""Which class or function reads a part of a config, and which keys it takes."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner, TestLoop, ValLoop
from torch.utils.data import DataLoader

from spikedense.utils.known_names import find_class
from spikedense.utils.signatures import accepted_parameters

#: Keys that mmengine or the tools read from a config, but that are no argument of the runner.
_TOP_LEVEL = (
    'activation_checkpointing',
    'auto_scale_lr',
    'compile',
    'custom_imports',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'sync_bn',
    'tta_model',
    'tta_pipeline',
)
_LOADER = ('dataset', 'sampler', 'batch_sampler', 'collate_fn', 'num_batch_per_epoch')
#: Read by the function that builds the optimizer, for its constructor.
_OPTIMIZER = ('constructor', 'paramwise_cfg')
_ENVIRONMENT = ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit')


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


def accepted_keys(
    cfg: Config, node: Mapping[str, Any], path: Sequence[str]
) -> tuple[list[str], bool]:
    """Return the keys that a part of a config may have.

    Args:
        cfg: The config.
        node: The part.
        path: The keys that lead to the part; empty for the whole config.

    Returns:
        The keys, and whether any other key is allowed.
    """
    reader = reader_of(cfg, node, path)
    known = ([], False) if reader is None else accepted_parameters(reader)
    if not path:
        return [*known[0], *_TOP_LEVEL], False
    if 'type' in node:
        taken_out = _OPTIMIZER if list(path) == ['optim_wrapper'] else ()
        names = ['type', *taken_out, *known[0]]
        return names, known[1] or reader is None
    if 'custom_keys' in path or path[-1] in ('default_hooks', 'paramwise_cfg'):
        return [], True
    if list(path) == ['env_cfg']:
        return [*_ENVIRONMENT], False
    if reader is DataLoader:
        return [*known[0], *_LOADER], False
    if list(path) == ['optim_wrapper']:
        return ['type', *_OPTIMIZER, *known[0]], False
    return (['type', 'by_epoch', *known[0]] if reader is not None else []), False
