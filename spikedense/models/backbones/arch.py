"""Sizes of backbones by name."""

from collections.abc import Mapping
from typing import Any


def named_arch(backbone: Any, arch: Any, keys: str) -> dict[str, Any]:
    """Return the dict that an arch names.

    Args:
        backbone: The backbone, with the table ``arch_zoo``.
        arch: A name in the table, or a dict.
        keys: What a dict must have, for the message.

    Returns:
        The dict.

    Raises:
        ValueError: The name is not in the table.
    """
    if isinstance(arch, Mapping):
        return dict(arch)
    if arch not in backbone.arch_zoo:
        raise ValueError(
            f'{type(backbone).__name__}: arch={arch!r}, expected one of {list(backbone.arch_zoo)} '
            f'or a dict with {keys}'
        )
    return backbone.arch_zoo[arch]
