"""What names there are: registered classes, and the one nearest to a typo."""

import difflib
from collections.abc import Iterable

import mmengine.registry as root
from mmengine.registry import Registry

_MOST_LISTED = 12


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence that says which names there are.

    Args:
        name: What was written.
        known: What could have been meant.

    Returns:
        ``; did you mean 'x'?``, or the known names where they are few, or nothing.
    """
    prefix, _, bare = name.rpartition('.')
    # Scopes are left out of the comparison; the same scope wins among equal names.
    names = sorted(set(known), key=lambda other: (other.rpartition('.')[0] == prefix, other))
    by_bare_name = {other.rpartition('.')[2]: other for other in names}
    close = difflib.get_close_matches(bare, by_bare_name, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{by_bare_name[close[0]]}'?"
    if 0 < len(names) <= _MOST_LISTED:
        return f'; known: {", ".join(names)}'
    return ''


def registered_names(kind: str, scope: str | None, prefix: str) -> list[str]:
    """The names in a registry and its relatives, as a config would write them.

    Args:
        kind: Name of the registry as mmengine prints it, ``model`` for example.
        scope: Default scope of the config, whose names need no prefix.
        prefix: A scope whose names are listed with it, as those of this package always are.

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
    """The class that a config's ``type`` names.

    Args:
        name: As written, with or without a scope.
        scope: The default scope of the config.

    Returns:
        The class, or None where no registry knows it.
    """
    prefix, _, short = name.rpartition('.')
    for registry in _roots():
        child = registry.children.get(prefix or scope or '')
        for candidate in (child, registry):
            if candidate is None:
                continue
            candidate.import_from_location()
            found = candidate.module_dict.get(short)
            if found is not None:
                return found
    return None


def _roots() -> list[Registry]:
    return [value for value in vars(root).values() if isinstance(value, Registry)]
