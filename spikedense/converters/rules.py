"""Renaming of keys by ordered regular expressions."""

import re
from collections.abc import Callable, Mapping, Sequence

#: A pattern for the start of a key, and what replaces it (a template, or a function of the match).
Rule = tuple[str, str | Callable[[re.Match[str]], str]]
#: The first part of a key -> what replaces it, and what renames the rest.
Parts = Mapping[str, tuple[str, Callable[[str], str | None]]]


def rename(key: str, rules: Sequence[Rule]) -> str | None:
    """Rename the start of a key by the first rule that matches.

    Args:
        key: A key, or the rest of a key.
        rules: Patterns, tried in order with ``re.match``.

    Returns:
        The new key, or None if no rule matches.
    """
    for pattern, replacement in rules:
        match = re.match(pattern, key)
        if match:
            head = replacement(match) if callable(replacement) else match.expand(replacement)
            return head + key[match.end() :]
    return None


def under(prefix: str, key: str | None) -> str | None:
    """Put a prefix in front of a key; None stays None."""
    return None if key is None else prefix + key


def rename_part(key: str, parts: Parts) -> str | None:
    """Rename a key by its first part, the text in front of the first dot.

    Args:
        key: A key, or the rest of a key.
        parts: The known first parts.

    Returns:
        The new key, or None if the part or the rest is unknown.
    """
    part, _, rest = key.partition('.')
    if part not in parts:
        return None
    prefix, rename_rest = parts[part]
    return under(prefix, rename_rest(rest))
