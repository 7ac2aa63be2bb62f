"""The check of the values in a config: types that name classes, numbers, words and sections."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from numbers import Number
from os import PathLike
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from mmengine.config import Config, ConfigDict
from torch import Tensor

from spikedense.errors import UserError
from spikedense.utils.signatures import annotations_of

from .config_readers import reader_of

_NUMBERS = (int, float, bool, Number, Tensor)
_WORDS = (str, Path, PathLike)
_LISTS = (list, tuple, Sequence)
_SECTIONS = (dict, Mapping, ConfigDict, Config)
#: Words for which numbers are read too, or that are spelt as numbers.
_EITHER = ('arch', 'color_type', 'loss_scale')

_SPELT_BOOLEANS = ('true', 'false', 'yes', 'no', 'on', 'off', '0', '1')
_SPELT_NUMBER = re.compile(r'[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?')


def check_values(cfg: Config) -> None:
    """Check that each value in a config is of the kind that its class reads.

    Four kinds are told apart: numbers, words, sections and lists of sections. A key is checked if
    the class or function that reads it says by an annotation which one of them it takes.

    Args:
        cfg: The config.

    Raises:
        UserError: The ``type`` of a section is no name of a class, or a value is of another kind,
            such as ``max_iters='100'``.
    """
    for path, node in sections(cfg):
        kind = node.get('type')
        if kind is not None and not isinstance(kind, str) and not callable(kind):
            raise UserError(f'{_key(path, "type")}={kind!r}, expected the name of a class')
        expected = _expected(reader_of(cfg, node, path))
        for name, value in node.items():
            wanted = expected.get(name)
            if wanted is not None and value is not None and not _fits(value, wanted):
                raise UserError(f'{_key(path, name)}={value!r}, expected {wanted}')


def sections(
    node: Any, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """Give all dictionaries of a config.

    Args:
        node: The config, or a part of it.
        path: The keys that lead to the part.

    Yields:
        The keys that lead to a dictionary, and the dictionary.
    """
    if isinstance(node, Mapping | Config):
        yield path, node
        for name, value in node.items():
            yield from sections(value, (*path, str(name)))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from sections(value, (*path, str(index)))


def _key(path: tuple[str, ...], name: str) -> str:
    return '.'.join((*path, name))


_NUMBER, _BOOLEAN, _WORD = 'a number', 'True or False', 'a string'
_SECTION, _SECTION_OR_LIST, _LIST = 'a dict', 'a dict or a list of them', 'a list of dicts'
_UNQUOTED = 'a number without quotes'


def _fits(value: Any, wanted: str) -> bool:
    """Tell whether a value may be of a kind; only plain mistakes are found."""
    if wanted in (_SECTION, _SECTION_OR_LIST):
        return not isinstance(value, str | int | float)
    if wanted == _LIST:
        return not isinstance(value, str | int | float | Mapping) and not any(
            isinstance(one, str | int | float) for one in value
        )
    if wanted == _WORD:
        return not isinstance(value, int | float)
    if wanted == _BOOLEAN:
        # Some options take a word as well as the two values that their annotation names.
        return not (isinstance(value, str) and value.lower() in _SPELT_BOOLEANS)
    if wanted == _UNQUOTED:
        return not (isinstance(value, str) and _SPELT_NUMBER.fullmatch(value))
    return not isinstance(value, str)


@cache
def _expected(reader: Any) -> dict[str, str]:
    """Return the kinds of the keys that a class or function takes, as far as it tells them."""
    try:
        annotations = {} if reader is None else annotations_of(reader)
    except ValueError:  # a built-in function has no signature
        return {}
    kinds = {name: _kind(annotation) for name, annotation in annotations.items()}
    return {name: kind for name, kind in kinds.items() if kind and name not in _EITHER}


def _kind(annotation: Any) -> str | None:
    members = _members(annotation) - {NoneType, None}
    if members == {bool}:
        return _BOOLEAN
    for kind, classes in ((_NUMBER, _NUMBERS), (_WORD, _WORDS)):
        if members and members <= set(classes):
            return kind
    # What may be a word may be a number as a word too.
    if members & {str, Any, object}:
        return None
    if members & set(_SECTIONS) and not members & set(_NUMBERS):
        return _SECTION_OR_LIST if members & set(_LISTS) else _SECTION
    return _LIST if _is_list_of_sections(annotation) else _UNQUOTED


def _is_list_of_sections(annotation: Any) -> bool:
    """Tell whether an annotation is of a list whose elements are dictionaries, or objects."""
    unions = get_origin(annotation) in (Union, UnionType)
    parts = [one for one in get_args(annotation) if one is not NoneType] if unions else [annotation]
    if len(parts) != 1 or get_origin(parts[0]) not in _LISTS:
        return False
    inside = set().union(*(_members(one) for one in get_args(parts[0])))
    return bool(inside & set(_SECTIONS)) and not inside & {str, Any, object, *_NUMBERS}


def _members(annotation: Any) -> set[Any]:
    """Return the types of a union, without their arguments."""
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        return set().union(*(_members(one) for one in get_args(annotation)))
    return {annotation if origin is None else origin}
