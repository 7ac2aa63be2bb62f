"""The argument ``arch`` of a backbone: a name, or a dict of sizes."""

from collections.abc import Mapping
from typing import Any


def resolve_arch(
    owner: str,
    arch: str | Mapping[str, Any],
    zoo: Mapping[str, Mapping[str, Any]],
    stages: int,
    divisor: int,
    defaults: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the sizes that ``arch`` names.

    Args:
        owner: Class name of the backbone, for the errors.
        arch: A name in ``zoo``, or a dict with ``embed_dims`` and ``depths``, one number for each
            stage, and some keys of ``defaults``.
        zoo: The sizes of each published network.
        stages: Number of stages.
        divisor: A divisor of the width of the first stage.
        defaults: Values of the keys that a dict may leave out.

    Returns:
        ``embed_dims`` and ``depths`` as tuples, and a value for each key of ``defaults``.

    Raises:
        ValueError: The name, a key or a size is not possible.
    """
    if not isinstance(arch, Mapping):
        if arch not in zoo:
            raise ValueError(
                f'{owner}: arch={arch!r}, expected one of {list(zoo)} or a dict with embed_dims '
                'and depths'
            )
        arch = zoo[arch]
    required = {'embed_dims', 'depths'}
    if required - set(arch) or set(arch) - required - set(defaults):
        raise ValueError(
            f'{owner}: arch={dict(arch)}, expected embed_dims, depths and, optionally, '
            f'{", ".join(defaults)}'
        )
    dims, depths = (arch[key] for key in ('embed_dims', 'depths'))
    if not _are_integers(dims, stages, 1) or dims[0] % divisor:
        raise ValueError(
            f'{owner}: arch: embed_dims={dims!r}, expected {stages} widths, the first one a '
            f'multiple of {divisor}'
        )
    if not _are_integers(depths, stages, 0):
        raise ValueError(f'{owner}: arch: depths={depths!r}, expected {stages} numbers of blocks')
    return {**defaults, **arch, 'embed_dims': tuple(dims), 'depths': tuple(depths)}


def _are_integers(values: Any, number: int, least: int) -> bool:
    """Tell whether values are some number of integers, each of at least some size."""
    return (
        isinstance(values, list | tuple)
        and len(values) == number
        and all(type(value) is int and value >= least for value in values)
    )
