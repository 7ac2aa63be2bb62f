"""Known names: the registered classes, and the name that is most similar to a wrong one."""

import difflib
from collections.abc import Iterable

import mmengine.registry as root
from mmengine.registry import Registry

_MOST_LISTED = 12


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of an error message that says which names are known.

    Args:
        name: The wrong name.
        known: The known names.

    Returns:
        ``; did you mean 'x'?`` if a known name is similar, else a list of the known names if there
        are few of them, else an empty string.
    """
    prefix, _, bare = name.rpartition('.')
    # Names are compared without their scopes. Of two equal names, the one with the same scope is
    # suggested.
    names = sorted(set(known), key=lambda other: (other.rpartition('.')[0] == prefix, other))
    by_bare_name = {other.rpartition('.')[2]: other for other in names}
    close = difflib.get_close_matches(bare, by_bare_name, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{by_bare_name[close[0]]}'?"
    if 0 < len(names) <= _MOST_LISTED:
        return f'; known: {", ".join(names)}'
    return ''


def registered_names(kind: str, scope: str | None, prefix: str) -> list[str]:
    """List the names in a registry of mmengine and its child registries, as configs write them.

    Args:
        kind: Name of the registry as mmengine prints it, for example ``model``.
        scope: Default scope of the config. Names of this scope need no prefix.
        prefix: Another scope. Its names are listed with the prefix, as those of this package are.

    Returns:
        The names.
    """
    names: list[str] = []
    for registry in _roots():
        if registry.name != kind:
            continue
        names += registry.module_dict
        for child_scope, child in registry.children.items():
            if child_scope == scope:
                names += child.module_dict
            if child_scope in ('spikedense', prefix):
                names += [f'{child_scope}.{name}' for name in child.module_dict]
    return names


def find_class(name: str, scope: str | None) -> type | None:
    """Find the class of a ``type`` in a config.

    Args:
        name: The name in the config, with or without a scope.
        scope: The default scope of the config.

    Returns:
        The class; None if no registry has the name, or if several registries have classes of it.
    """
    found = [_in_registry(registry, name, scope) for registry in _roots()]
    classes = [cls for cls in found if cls is not None]
    # A data set and a metric, for example, can have one name.
    return classes[0] if len(set(classes)) == 1 else None


def _in_registry(registry: Registry, name: str, scope: str | None) -> type | None:
    prefix, _, short = name.rpartition('.')
    for candidate in (registry.children.get(prefix or scope or ''), registry):
        if candidate is not None:
            candidate.import_from_location()
            if short in candidate.module_dict:
                return candidate.module_dict[short]
    return None


def _roots() -> list[Registry]:
    return [value for value in vars(root).values() if isinstance(value, Registry)]
