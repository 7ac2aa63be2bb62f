"""Values of ``--cfg-options`` that hold dictionaries, as a config writes them."""

import ast
import re
from typing import Any

#: A value of this form is read here. mmengine reads the others, and knows no dictionaries.
_HAS_DICT = re.compile(r'\s*(?:dict\(|\{|[\[(].*(?:\bdict\(|\{))', re.DOTALL)


def has_dict(text: str) -> bool:
    """Tell whether a value is a dictionary, or a list or tuple that holds one.

    Args:
        text: The value as the user wrote it.
    """
    return _HAS_DICT.match(text) is not None


def read_value(text: str) -> Any:
    """Read a value as Python does. A bare word is a string, because shells take quotes away.

    Args:
        text: Dictionaries (``dict(a=1)`` or ``{'a': 1}``), lists, tuples, numbers and words.

    Returns:
        The value.

    Raises:
        ValueError: The text is something else.
    """
    try:
        return _value(ast.parse(text.strip(), mode='eval').body)
    except SyntaxError as exc:
        raise ValueError(f'{exc.msg} at character {exc.offset}') from exc


def _value(node: ast.expr) -> Any:
    match node:
        case ast.List(items):
            return [_value(item) for item in items]
        case ast.Tuple(items):
            return tuple(_value(item) for item in items)
        case ast.Dict(keys, values) if None not in keys:
            return {_value(k): _value(v) for k, v in zip(keys, values, strict=True) if k}
        case ast.Call(func=ast.Name('dict'), args=[], keywords=pairs) if all(p.arg for p in pairs):
            return {pair.arg: _value(pair.value) for pair in pairs}
        case ast.Name(word):
            return word
        case ast.Attribute():  # spikedense.SDTV3
            return ast.unparse(node)
    try:
        return ast.literal_eval(node)
    except ValueError as exc:
        raise ValueError(f"'{ast.unparse(node)}' is no dict, list, number or word") from exc
