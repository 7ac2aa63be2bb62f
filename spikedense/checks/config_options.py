"""The check of ``--cfg-options``: each key is read by something, each value is of its kind."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from spikedense.errors import UserError
from spikedense.utils.known_names import nearest
from spikedense.utils.wording import some_of

from .config_merge import index_of, put
from .config_readers import accepted_keys
from .config_values import sections


def apply_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Merge options into a config.

    Args:
        cfg: The config, changed in place.
        options: Dotted keys and values. A number in a key is an index of a list or tuple.

    Raises:
        UserError: See :func:`checked_options`; or an option does not fit the config.
    """
    for key, value in checked_options(cfg, options).items():
        put(cfg, key, value)


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
            now = now[int(part)] if part.isdecimal() and int(part) < len(now) else None
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
            node = node[index_of(node, part, key, where)]
        elif isinstance(node, Mapping) or node is cfg:
            if part not in node and not _takes(cfg, node, path, part):
                known = set(node) | set(accepted_keys(cfg, node, path)[0])
                raise UserError(
                    f"--cfg-options: unknown key '{key}': {where} has no '{part}'"
                    f"{nearest(part, known)} (write '+{key}=...' to add a key)"
                )
            if part not in node:
                return
            if not path and part not in _read_at_top(cfg):
                raise UserError(f"--cfg-options: '{key}': {_of_no_use(cfg, key)}")
            node = node[part]
        elif node is None:
            return
        else:
            raise UserError(
                f"--cfg-options: '{key}': {where} is {node!r}, which has no key '{part}'"
            )
        path.append(part)


def _read_at_top(cfg: Config) -> list[str]:
    """Return the keys of a whole config that something reads."""
    names = accepted_keys(cfg, cfg, [])[0]
    # mmengine reads this key for a model that has no preprocessor of its own.
    ignored = 'data_preprocessor' if 'data_preprocessor' in cfg.get('model', {}) else ''
    return [name for name in names if name != ignored]


def _of_no_use(cfg: Config, key: str) -> str:
    """Say that an option changes only a variable of the file, and where the value has gone."""
    variable, dot, rest = key.partition('.')
    read = _read_at_top(cfg)
    places = [
        '.'.join((*path, name)) + dot + rest
        for path, node in sections(cfg)
        for name, value in node.items()
        if path
        and path[0] in read
        and value == cfg[variable]
        # A short value, as 3 or True, is equal by chance in other places.
        and (name == variable or isinstance(value, Mapping | list | tuple))
    ]
    hint = f'expected {some_of(places)}' if places else 'expected the key that takes its value'
    return f"'{variable}' is a variable of the config file, read before options are merged; {hint}"


def _takes(cfg: Config, node: Any, path: list[str], part: str) -> bool:
    names, open_ended = accepted_keys(cfg, node, path)
    return part == '_delete_' or part in names or open_ended
