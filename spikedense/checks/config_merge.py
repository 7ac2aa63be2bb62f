"""Puts one value into a config, also into lists and tuples.

mmengine merges only dictionaries into elements, only into those of lists, and a dictionary only
into a dictionary.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config, ConfigDict

from spikedense.errors import UserError

_DELETE = '_delete_'


def put(cfg: Config, key: str, value: Any) -> None:
    """Put a value into a config.

    Args:
        cfg: The config, changed in place.
        key: Dotted keys and indices. A key that does not exist is added.
        value: The value. A dictionary is merged into a dictionary, unless it has ``_delete_=True``.

    Raises:
        UserError: The key leads through a value without keys, or to an index that is not there.
    """
    first, *rest = key.split('.')
    cfg[first] = _changed(cfg.get(first), rest, value, key, first)


def _changed(now: Any, path: Sequence[str], value: Any, key: str, where: str) -> Any:
    """Return a part of a config with the value inside of it, or in its place."""
    if not path:
        return _merged(now, value)
    part, *rest = path
    below = f'{where}.{part}'
    if isinstance(now, list | tuple):
        index = index_of(now, part, key, where)
        changed = _changed(now[index], rest, value, key, below)
        return type(now)([*now[:index], changed, *now[index + 1 :]])
    if now is None or isinstance(now, Mapping):
        items = {} if now is None else dict(now.items())
        return ConfigDict({**items, part: _changed(items.get(part), rest, value, key, below)})
    raise UserError(f"--cfg-options: '{key}': {where} is {now!r}, which has no key '{part}'")


def _merged(now: Any, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    if not isinstance(now, Mapping) or value.get(_DELETE):
        return ConfigDict({name: item for name, item in value.items() if name != _DELETE})
    return ConfigDict(
        {**dict(now.items()), **{name: _merged(now.get(name), value[name]) for name in value}}
    )


def index_of(items: Sequence[Any], part: str, key: str, where: str) -> int:
    """Return the index that a part of an option names.

    Args:
        items: The list or tuple.
        part: The part.
        key: The whole option, for the error.
        where: The key of the list, for the error.

    Raises:
        UserError: The list has no such element.
    """
    if part.isdecimal() and int(part) < len(items):
        return int(part)
    raise UserError(
        f"--cfg-options: '{key}': {where} is a list of {len(items)}, '{part}' is no index of it"
    )
