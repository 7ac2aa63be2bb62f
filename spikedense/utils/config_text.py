"""Facts from the text of a config, which is a Python program; nothing of the text runs."""

import ast
import math
from typing import Any

_NUMBERS = {'inf': math.inf, 'nan': math.nan}


def read_config_text(text: str) -> dict[str, Any]:
    """Read the values of a config that a checkpoint holds as text.

    mmengine's own reader runs the text. What comes back must not be built: a text of a stranger can
    name any function as a type.

    Args:
        text: Text of a config, best as mmengine writes it into a checkpoint.

    Returns:
        The values at top level by their names. A value is there if it consists of literals and of
        calls of ``dict`` and ``range``; other values are left out. Without any if the text is no
        Python.
    """
    try:
        found = [_assigned(statement) for statement in ast.parse(text).body]
    # Of a text that is nested too deeply, and of one with a null character.
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return {name: value for name, value in found if name}


def _assigned(statement: ast.stmt) -> tuple[str | None, Any]:
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return None, None
    target = statement.targets[0]
    if not isinstance(target, ast.Name):
        return None, None
    try:
        return target.id, _value(statement.value)
    except (ValueError, TypeError):
        return None, None


def _value(node: ast.expr) -> Any:
    """Return the value of an expression.

    Raises:
        ValueError: The expression is no literal.
        TypeError: The expression is no literal, or a key of a dictionary is a list.
    """
    if isinstance(node, ast.Dict):
        if None in node.keys:
            raise ValueError('a dictionary that another one is unpacked into')
        pairs = zip(node.keys, node.values, strict=True)
        return {_value(key): _value(value) for key, value in pairs if key is not None}
    if isinstance(node, ast.List):
        return [_value(each) for each in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_value(each) for each in node.elts)
    if isinstance(node, ast.Name) and node.id in _NUMBERS:
        return _NUMBERS[node.id]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        arguments = [_value(each) for each in node.args]
        if node.func.id == 'dict' and all(isinstance(each, dict) for each in arguments):
            keywords = {str(each.arg): _value(each.value) for each in node.keywords if each.arg}
            if len(arguments) < 2 and len(keywords) == len(node.keywords):
                return dict(*arguments, **keywords)
        if node.func.id == 'range' and not node.keywords:
            return range(*arguments)
    return ast.literal_eval(node)
