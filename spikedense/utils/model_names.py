"""Models by name: the names of the metafiles, and the weights that are at hand for a name."""

import difflib
import fnmatch
import os
import re
from pathlib import Path

from spikedense.errors import UserError

from .config_path import SHIPPED_MODELS, bare_name, list_configs, shipped_weights

#: Names the folder of further weights.
WEIGHTS_VARIABLE = 'SPIKEDENSE_WEIGHTS'
_FOLDER = 'weights'
#: What may follow the name of a model in the name of a file.
_REST = re.compile(r'([-_].*)?\.(pth|pth\.tar|safetensors)')


def list_models(pattern: str | None = None) -> list[str]:
    """List the names of all models: those of the metafiles, which are names of configs.

    Args:
        pattern: A pattern with ``*`` and ``?`` for the beginning of the name; by default all names.

    Returns:
        The names, sorted.
    """
    names = sorted({*SHIPPED_MODELS, *(Path(config).stem for config in list_configs())})
    return names if pattern is None else fnmatch.filter(names, f'{pattern}*')


def model_name(model: object) -> str | None:
    """Return the name that an object gives a model, without ``spikedense/``.

    Args:
        model: Any object: a name, a path of a config, a config.

    Returns:
        The name; None if the object is none.
    """
    name = bare_name(model) if isinstance(model, str) else None
    return name if name in list_models() else None


def known_model(model: str) -> str:
    """Return the name of a model, and refuse an unknown one.

    Args:
        model: A name, with or without ``spikedense/``.

    Returns:
        The name without ``spikedense/``.

    Raises:
        UserError: There is no such model.
    """
    name = model_name(model)
    if name is None:
        near = difflib.get_close_matches(bare_name(model), list_models(), n=3)
        hint = f'the nearest names are {", ".join(near)}' if near else 'list_models() gives all'
        raise UserError(f"there is no model '{model}'; {hint}")
    return name


def weights_folder() -> Path:
    """Return the folder of further weights: ``$SPIKEDENSE_WEIGHTS``, else ``weights``."""
    return Path(os.environ.get(WEIGHTS_VARIABLE) or _FOLDER).expanduser()


def weights_of(model: object) -> str | None:
    """Find the weights of a model that is named: in the package, else in the folder of weights.

    Args:
        model: A name, with or without ``spikedense/``; any other object has no weights.

    Returns:
        Path of the checkpoint, which may have official keys; None if there is none.

    Raises:
        UserError: The folder has several checkpoints of the model.
    """
    name = model_name(model)
    if name is None:
        return None
    shipped = shipped_weights(name)
    if shipped is not None:
        return str(shipped)
    folder = weights_folder()
    files = sorted(folder.glob(f'{name}*')) if folder.is_dir() else []
    found = [str(file) for file in files if _REST.fullmatch(file.name.removeprefix(name))]
    if len(found) > 1:
        raise UserError(
            f"'{folder}' has {len(found)} checkpoints of the model '{name}', expected one: "
            f'{", ".join(found)}'
        )
    return found[0] if found else None


def no_weights(model: object) -> str:
    """Write the sentence that says that there are no weights, and what to do.

    Args:
        model: What names a model, for which :func:`weights_of` finds none.
    """
    name = model_name(model)
    ships = f'only {", ".join(repr(name) for name in SHIPPED_MODELS)} ships with its weights'
    if name is None:
        return f"the model '{model}' has no weights, expected the path of a checkpoint ({ships})"
    return (
        f"no weights of the model '{name}' are published here ({ships}), and the folder "
        f"'{weights_folder()}' has no {name}*.pth: put a checkpoint there, official or converted "
        f'(docs/published_weights.md), or train one with `spikedense train {name}`'
    )
