"""The check of the keys in a config file: each key is read by something."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from types import ModuleType
from typing import Any

from mmengine.config import Config
from mmengine.registry import METRICS
from mmengine.runner import Runner

from spikedense.errors import UserError
from spikedense.utils.class_names import class_name
from spikedense.utils.known_names import nearest
from spikedense.utils.signatures import accepted_parameters

from .config_readers import accepted_keys
from .config_values import sections

#: Sections outside of the model; the classes of a model refuse unknown arguments themselves.
_SECTIONS = (
    'custom_hooks',
    'default_hooks',
    'env_cfg',
    'log_processor',
    'optim_wrapper',
    'param_scheduler',
    'randomness',
    'test_cfg',
    'test_dataloader',
    'train_cfg',
    'train_dataloader',
    'val_cfg',
    'val_dataloader',
    'visualizer',
)
#: Hooks of mmengine, and of the libraries, which a config changes without a type.
_HOOKS = (
    'checkpoint',
    'logger',
    'param_scheduler',
    'runtime_info',
    'sampler_seed',
    'timer',
    'visualization',
)
#: What mmengine's constructor of optimizers reads; other constructors read other keys.
_PARAMWISE = (
    'bias_decay_mult',
    'bias_lr_mult',
    'bypass_duplicate',
    'custom_keys',
    'dcn_offset_lr_mult',
    'dwconv_decay_mult',
    'flat_decay_mult',
    'norm_decay_mult',
)
_MULTIPLIERS = ('decay_mult', 'lr_mult')
#: Variables that nearly every config has; a config that inherits may use none of them.
_VARIABLES = ('test_pipeline', 'train_pipeline', 'val_pipeline')
#: How similar two names must be so that one of them is a misspelling of the other.
_SIMILAR = 0.8


def check_keys(cfg: Config) -> None:
    """Check that the keys of a config file are read.

    Variables of a file may have any name. One whose name is similar to a key of mmengine, and whose
    value is not used in the config, is a misspelt key.

    Args:
        cfg: The config.

    Raises:
        UserError: Nothing reads a key, such as ``laod_from``.
    """
    _check_top(cfg)
    _check_hook_names(cfg)
    _check_paramwise(cfg)
    for path, node in sections(cfg):
        if path and path[0] in _SECTIONS:
            _check_section(cfg, path, node)


def check_metric_keys(metrics: Iterable[Mapping[str, Any]]) -> None:
    """Check the keys of metrics whose classes ignore unknown ones, as ``IoUMetric`` does.

    Args:
        metrics: Configs of metrics.

    Raises:
        UserError: A key is a misspelling of one that the class reads.
    """
    for cfg in metrics:
        kind = cfg.get('type')
        cls = METRICS.get(kind) if isinstance(kind, str) else kind
        if cls is not None:
            _refuse_misspelt(class_name(cfg), cfg, ['type', *accepted_parameters(cls)[0]])


def misspelt(name: str, known: Iterable[str]) -> str | None:
    """Return the known name of which a name is a misspelling.

    Args:
        name: The name.
        known: The known names.

    Returns:
        The most similar known name; None if the name is known, or similar to none.
    """
    names = list(known)
    if name in names:
        return None
    close = difflib.get_close_matches(name, names, n=1, cutoff=_SIMILAR)
    return close[0] if close else None


def _check_top(cfg: Config) -> None:
    known = [*accepted_keys(cfg, cfg, ())[0], *_VARIABLES]
    for name, value in cfg.items():
        # In a config of the pure Python style, imported classes and modules are variables.
        if callable(value) or isinstance(value, ModuleType):
            continue
        meant = misspelt(name, known)
        # A longer name, such as val_evaluator_full, is a variable.
        if meant and not name.startswith(f'{meant}_') and not _is_used(cfg, value, known):
            raise UserError(f"the config has the key '{name}', which nothing reads; {_did(meant)}")


def _is_used(cfg: Config, value: Any, known: Sequence[str]) -> bool:
    """Tell whether the value of a variable is part of what is read."""
    # A short value, as 3 or True, is equal by chance in other places.
    if not isinstance(value, Mapping | list | tuple) or not value:
        return False
    return any(_occurs(value, inner) for name, inner in cfg.items() if name in known)


def _occurs(value: Any, node: Any) -> bool:
    """Tell whether a value is a part of a config, or inside of the part."""
    if value == node:
        return True
    inner = node.values() if isinstance(node, Mapping) else node
    return isinstance(node, Mapping | list | tuple) and any(_occurs(value, one) for one in inner)


def _check_hook_names(cfg: Config) -> None:
    hooks = cfg.get('default_hooks')
    if isinstance(hooks, Mapping):
        _refuse_misspelt('default_hooks', hooks, _HOOKS)


def _check_paramwise(cfg: Config) -> None:
    wrapper = cfg.get('optim_wrapper')
    if not isinstance(wrapper, Mapping) or 'constructor' in wrapper:
        return
    paramwise = wrapper.get('paramwise_cfg')
    if not isinstance(paramwise, Mapping):
        return
    where = 'optim_wrapper.paramwise_cfg'
    _refuse_misspelt(where, paramwise, _PARAMWISE)
    custom = paramwise.get('custom_keys')
    for key, factors in custom.items() if isinstance(custom, Mapping) else ():
        if isinstance(factors, Mapping):
            _refuse_misspelt(f"{where}.custom_keys['{key}']", factors, _MULTIPLIERS)


def _check_section(cfg: Config, path: tuple[str, ...], node: Mapping[str, Any]) -> None:
    known, open_ended = accepted_keys(cfg, node, path)
    if 'type' not in node:
        if known and not open_ended:
            _refuse_unknown('.'.join(path), node, known)
        return
    # A class without further keywords refuses an unknown one itself when it is built.
    if open_ended and path[0].endswith('_hooks'):
        if class_name(node) == 'CheckpointHook':
            # The hook hands further keywords to the runner, which fails at the first checkpoint.
            known = [*known, *accepted_parameters(Runner.save_checkpoint)[0]]
        _refuse_misspelt('.'.join(path), node, [*known, 'priority'])


def _refuse_unknown(where: str, node: Mapping[str, Any], known: Sequence[str]) -> None:
    for key in node:
        if key not in known:
            hint = nearest(key, known)
            raise UserError(f"{where} has the key '{key}', which nothing reads{hint}")


def _refuse_misspelt(where: str, node: Iterable[str], known: Sequence[str]) -> None:
    for key in node:
        meant = misspelt(key, known)
        if meant is not None:
            raise UserError(f"{where} has the key '{key}', which nothing reads; {_did(meant)}")


def _did(meant: str) -> str:
    return f"did you mean '{meant}'?"
