"""Which arguments a class or a function takes."""

import inspect
from collections.abc import Iterator


def accepted_parameters(target: object) -> tuple[list[str], bool]:
    """The keywords that a class or function takes, those it hands to its parents included.

    Args:
        target: A class or a function.

    Returns:
        The names, each once, and whether further ones may be taken that cannot be known from here.
    """
    names: dict[str, None] = {}
    for function in _constructors(target):
        parameters = list(inspect.signature(function).parameters.values())
        named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        names.update((name, None) for name in named if name != 'self')
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            return list(names), False
    return list(names), True


def _constructors(target: object) -> Iterator:
    """Constructors in the order in which ``**kwargs`` travel upwards."""
    if not inspect.isclass(target):
        yield target
        return
    for cls in target.__mro__:
        # torch's Module (named, for nothing here imports torch) takes anything and uses none of it.
        if cls is object or (cls.__module__, cls.__name__) == ('torch.nn.modules.module', 'Module'):
            return
        if '__init__' in vars(cls):
            yield vars(cls)['__init__']
