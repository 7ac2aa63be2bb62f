"""The checks that a checkpoint is named, and that it is there."""

from pathlib import Path

from spikedense.errors import UserError
from spikedense.utils.config_path import SHIPPED_MODELS, shipped_weights


def existing_checkpoint(path: str) -> str:
    """Return the path of a checkpoint that exists.

    Args:
        path: A path, or an address (``https://...``), which is not looked up.

    Returns:
        The same path.

    Raises:
        UserError: There is no such file.
    """
    if '://' not in path and not Path(path).expanduser().is_file():
        raise UserError(f"there is no checkpoint '{path}'")
    return path


def given_or_shipped(model: object, weights: str | Path | None) -> str | None:
    """Return the given checkpoint, or else the one that ships with the model.

    Args:
        model: See :func:`checkpoint_for`.
        weights: See there.

    Returns:
        A path, or an address; None if none is given and none ships with the model.
    """
    found = shipped_weights(model) if weights is None else weights
    return None if found is None else str(found)


def checkpoint_for(model: object, weights: str | Path | None) -> str:
    """Return the checkpoint for a model: the given one, or the one that ships with the model.

    Args:
        model: Path or name of a config, a config, or the name of a model that ships with its
            weights.
        weights: Path or address of a checkpoint; None means the shipped one.

    Returns:
        A path that exists, or an address.

    Raises:
        UserError: There is no such file, or no checkpoint ships with the model.
    """
    given = given_or_shipped(model, weights)
    if given is None:
        names = ', '.join(repr(name) for name in SHIPPED_MODELS)
        raise UserError(
            f"the model '{model}' has no weights, expected the path of a checkpoint (only {names} "
            'ships with its weights)'
        )
    return existing_checkpoint(given)
