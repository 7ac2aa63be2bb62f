"""The arguments of a class or a function."""

import inspect
from collections.abc import Iterator


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
