"""The argument ``arch`` of the classic backbones: a name, or a dict of sizes."""

from collections.abc import Mapping
from typing import Any


def resolve_arch(
    owner: str,
    arch: str | Mapping[str, Any],
    zoo: Mapping[str, Mapping[str, Any]],
    defaults: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the sizes that ``arch`` names.

    Args:
        owner: Class name of the backbone, for the errors.
        arch: A name in ``zoo``, or a dict with ``embed_dims`` and some keys of ``defaults``.
        zoo: The sizes of each published network.
        defaults: Values of the keys that a dict may leave out.

    Returns:
        ``embed_dims`` and a value for each key of ``defaults``.

    Raises:
        ValueError: The name or a key is not known, or ``embed_dims`` is missing.
    """
    if not isinstance(arch, Mapping):
        if arch not in zoo:
            raise ValueError(
                f'{owner}: arch={arch!r}, expected one of {list(zoo)} or a dict with embed_dims'
            )
        arch = zoo[arch]
    known = ('embed_dims', *defaults)
    if 'embed_dims' not in arch or set(arch) - set(known):
        raise ValueError(
            f'{owner}: arch={dict(arch)}, expected embed_dims and, optionally, {list(defaults)}'
        )
    return {**defaults, **arch}


def check_width(owner: str, embed_dims: Any) -> None:
    """Check the width of a network whose first layer has an eighth of its channels.

    Args:
        owner: Class name of the backbone, for the error.
        embed_dims: Channels of the last stage.

    Raises:
        ValueError: It is no multiple of 8.
    """
    if type(embed_dims) is not int or embed_dims < 8 or embed_dims % 8:
        raise ValueError(f'{owner}: arch: embed_dims={embed_dims!r}, expected a multiple of 8')


def check_depths(owner: str, depths: Any, stages: int) -> tuple[int, ...]:
    """Check the numbers of blocks.

    Args:
        owner: Class name of the backbone, for the error.
        depths: Number of blocks of each stage.
        stages: Number of stages.

    Returns:
        The numbers as a tuple.

    Raises:
        ValueError: There is another number of them, or one is no integer of at least 0.
    """
    found = tuple(depths) if isinstance(depths, list | tuple) else (depths,)
    if len(found) != stages or any(type(depth) is not int or depth < 0 for depth in found):
        raise ValueError(
            f'{owner}: arch: depths={depths!r}, expected the number of blocks of {stages} stages'
        )
    return found
