"""The arguments of a class or a function."""

import inspect
from collections.abc import Iterator
from typing import Any


def accepted_parameters(target: object) -> tuple[list[str], bool]:
    """List the keywords that a class or function takes, also those that go to base classes.

    Args:
        target: A class or a function.

    Returns:
        The names, and whether the target may take more names (it has a ``**kwargs`` of unknown
        use).
    """
    names: dict[str, None] = {}
    for function in _constructors(target):
        parameters = list(inspect.signature(function).parameters.values())
        named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        names.update((name, None) for name in named if name != 'self')
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return list(names), False
    return list(names), True


def annotations_of(target: object) -> dict[str, Any]:
    """Return the annotations of the keywords of :func:`accepted_parameters`.

    Args:
        target: A class or a function.

    Returns:
        Keyword -> its annotation; ``Parameter.empty`` if there is none, or if it cannot be read.
    """
    found: dict[str, Any] = {}
    for function in _constructors(target):
        for name, parameter in inspect.signature(function).parameters.items():
            found.setdefault(name, _evaluated(parameter.annotation, function))
    return found


def _evaluated(annotation: Any, function: Any) -> Any:
    """Return an annotation that is written as a string as the type that it names."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, getattr(function, '__globals__', {}))
    except Exception:  # a name that is imported for type checkers only, for example
        return inspect.Parameter.empty


def _constructors(target: object) -> Iterator:
    """Yield the constructors of a class and its base classes, in the order of the MRO."""
    if not inspect.isclass(target):
        yield target
        return
    for cls in target.__mro__:
        # torch's Module takes any keyword and uses none. Its name is compared, because this module
        # does not import torch.
        if cls is object or (cls.__module__, cls.__name__) == ('torch.nn.modules.module', 'Module'):
            return
        if '__init__' in vars(cls):
            yield vars(cls)['__init__']
