"""SpikingJelly, for the parts that need it; the integer neurons do not."""

from importlib import import_module
from typing import Any

from spikedense.errors import UserError


def spikingjelly(module: str, user: str) -> Any:
    """Import a module of ``spikingjelly.activation_based``.

    Args:
        module: Name of the module.
        user: What needs the module, as the subject of a sentence in the plural.

    Returns:
        The module.

    Raises:
        UserError: SpikingJelly is not installed.
    """
    try:
        return import_module(f'spikingjelly.activation_based.{module}')
    except ModuleNotFoundError as exc:
        if exc.name is None or exc.name.partition('.')[0] != 'spikingjelly':
            raise
        raise UserError(
            f'{user} need SpikingJelly, which is not installed: run `pip install spikingjelly`'
        ) from exc
