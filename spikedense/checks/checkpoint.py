"""The checks that a checkpoint is named, and that it is there."""

from pathlib import Path

from spikedense.errors import UserError
from spikedense.utils.model_names import no_weights, weights_of


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


def given_or_found(model: object, weights: str | Path | None) -> str | None:
    """Return the given checkpoint, or else the one that is at hand for the name of the model.

    Args:
        model: See :func:`checkpoint_for`.
        weights: See there.

    Returns:
        A path, or an address; None if none is given and none is found.

    Raises:
        UserError: There are several checkpoints for the name.
    """
    found = weights_of(model) if weights is None else weights
    return None if found is None else str(found)


def checkpoint_for(model: object, weights: str | Path | None) -> str:
    """Return the checkpoint for a model: the given one, or the one for the name of the model.

    Args:
        model: Path or name of a config, a config, or the name of a model.
        weights: Path or address of a checkpoint; None means the one that ships with the model, or
            that lies in the folder of weights, see ``spikedense.utils.model_names``.

    Returns:
        A path that exists, or an address.

    Raises:
        UserError: There is no such file, or there are no weights or several for the name.
    """
    given = given_or_found(model, weights)
    if given is None:
        raise UserError(no_weights(model))
    return existing_checkpoint(given)
