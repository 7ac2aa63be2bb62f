"""The check of ``--cfg-options``: each key is read by something, each value is of its kind."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.runner import EpochBasedTrainLoop, IterBasedTrainLoop, Runner, TestLoop, ValLoop
from torch.utils.data import DataLoader

from spikedense.errors import UserError
from spikedense.utils.known_names import find_class, nearest
from spikedense.utils.signatures import accepted_parameters

#: Keys that mmengine or the tools read from a config, but that are no argument of the runner.
_TOP_LEVEL = (
    'activation_checkpointing',
    'compile',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'sync_bn',
    'tta_model',
    'tta_pipeline',
)
_LOADER = ('dataset', 'sampler', 'batch_sampler', 'collate_fn', 'num_batch_per_epoch')
_ENVIRONMENT = ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit')


def apply_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Merge options into a config.

    Args:
        cfg: The config, changed in place.
        options: Dotted keys and values.

    Raises:
        UserError: See :func:`checked_options`; or an option does not fit the config.
    """
    for key, value in checked_options(cfg, options).items():
        try:
            cfg.merge_from_dict(dict([_of_whole_list(cfg, key, value)]))
        except (KeyError, TypeError, IndexError) as exc:
            raise UserError(f'--cfg-options does not fit the config: {exc.args[0]}') from exc


def _of_whole_list(cfg: Config, key: str, value: Any) -> tuple[str, Any]:
    """Turn an option for one element into an option for its list.

    mmengine merges only dictionaries into elements, and only into those of lists.

    Args:
        cfg: The config.
        key: Dotted key.
        value: The value.

    Returns:
        Key and value; those given if mmengine can merge them.
    """
    parent, _, last = key.rpartition('.')
    items: Any = _found(cfg, parent)
    is_index = isinstance(items, (list, tuple)) and last.isdigit() and int(last) < len(items)
    if not is_index:
        return key, value
    if isinstance(value, Mapping):
        if not value.get('_delete_'):
            return key, value
        value = {name: item for name, item in value.items() if name != '_delete_'}
    index = int(last)
    return parent, type(items)([*items[:index], value, *items[index + 1 :]])


def checked_options(cfg: Config, options: Mapping[str, Any]) -> dict[str, Any]:
    """Check that each key is known and that each value is of the right kind.

    A key is known if the config has it, or if the class at its place takes it as an argument
    (mmengine's runner, loop and loader included). An option with a leading ``+`` is not checked.

    Args:
        cfg: The config.
        options: Dotted keys and values.

    Returns:
        The options without the ``+``, ready to be merged.

    Raises:
        UserError: A key is not known, or a value is of another kind than the one it replaces.
    """
    for key, value in options.items():
        if not key.startswith('+'):
            _check_key(cfg, key)
            _check_kind(cfg, key, value)
    return {key.removeprefix('+'): value for key, value in options.items()}


def _check_kind(cfg: Config, key: str, value: Any) -> None:
    """Compare the kind of a value with the kind of the value that it replaces."""
    now = _found(cfg, key)
    if value is None:
        return
    # A name may replace a dictionary without a type, as in `arch`.
    is_section = isinstance(now, Mapping) and ('type' in now or '.' not in key)
    are_sections = isinstance(now, (list, tuple)) and len(now) > 0 and _are_dicts(now)
    if (is_section or are_sections) and not _are_dicts(value):
        expected = f"a dict or a list of them (a value inside is '{key}.KEY=...')"
    elif isinstance(now, (int, float)) and not isinstance(now, bool) and isinstance(value, str):
        expected = f"a number, as {now} in the config (write '+{key}=...' to replace it)"
    else:
        return
    raise UserError(f'--cfg-options: {key}={value!r}, expected {expected}')


def _found(cfg: Config, key: str) -> Any:
    """Return the value at a dotted key, or None if there is none."""
    now: Any = cfg
    for part in key.split('.'):
        if isinstance(now, (list, tuple)):
            now = now[int(part)] if part.isdigit() and int(part) < len(now) else None
        else:
            now = now.get(part) if isinstance(now, Mapping) or now is cfg else None
    return now


def _are_dicts(value: Any) -> bool:
    items = value if isinstance(value, (list, tuple)) else [value]
    return all(isinstance(item, Mapping) for item in items)


def _check_key(cfg: Config, key: str) -> None:
    node: Any = cfg
    path: list[str] = []
    for part in key.split('.'):
        where = '.'.join(path) or 'the config'
        if isinstance(node, (list, tuple)):
            if not part.isdigit() or int(part) >= len(node):
                raise UserError(
                    f"--cfg-options: '{key}': {where} is a list of {len(node)}, "
                    f"'{part}' is no index of it"
                )
            node = node[int(part)]
        elif isinstance(node, Mapping) or node is cfg:
            if part not in node and not _takes(cfg, node, path, part):
                known = set(node) | set(_parameters(cfg, node, path)[0])
                raise UserError(
                    f"--cfg-options: unknown key '{key}': {where} has no '{part}'"
                    f"{nearest(part, known)} (write '+{key}=...' to add a key)"
                )
            if part not in node:
                return
            node = node[part]
        elif node is None:
            return
        else:
            raise UserError(
                f"--cfg-options: '{key}': {where} is {node!r}, which has no key '{part}'"
            )
        path.append(part)


def _takes(cfg: Config, node: Any, path: list[str], part: str) -> bool:
    names, open_ended = _parameters(cfg, node, path)
    return part == '_delete_' or part in names or open_ended


def _parameters(cfg: Config, node: Any, path: list[str]) -> tuple[list[str], bool]:
    """Return the keys that a part of a config may have, and whether any other key is allowed."""
    if not path:
        return [*accepted_parameters(Runner.__init__)[0], *_TOP_LEVEL], False
    if 'type' in node:
        if not isinstance(node['type'], str):
            return accepted_parameters(node['type'])
        found = find_class(node['type'], cfg.get('default_scope'))
        names, open_ended = ([], True) if found is None else accepted_parameters(found)
        return ['type', *names], open_ended
    if 'custom_keys' in path or path[-1] in ('default_hooks', 'paramwise_cfg'):
        return [], True
    if len(path) > 1:
        return [], False
    return _untyped_section(path[0], node)


def _untyped_section(name: str, node: Any) -> tuple[list[str], bool]:
    """Return the keys of a top-level section that mmengine reads without a ``type``."""
    if name.endswith('_dataloader'):
        return [*accepted_parameters(DataLoader)[0], *_LOADER], False
    if name == 'env_cfg':
        return [*_ENVIRONMENT], False
    readers: dict[str, Any] = {
        'randomness': Runner.set_randomness,
        'train_cfg': EpochBasedTrainLoop if node.get('by_epoch', True) else IterBasedTrainLoop,
        'val_cfg': ValLoop,
        'test_cfg': TestLoop,
        'optim_wrapper': OptimWrapper,
    }
    if name not in readers:
        return [], False
    return ['type', 'by_epoch', *accepted_parameters(readers[name])[0]], False
