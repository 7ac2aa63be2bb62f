"""The modules that a config imports: ``custom_imports``."""

import sys
import traceback
import warnings
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from spikedense.errors import UserError

from .known_names import nearest
from .wording import some_of

_KEYS = ('imports', 'allow_failed_imports')


def import_modules(custom_imports: Any, source: str | Path) -> None:
    """Import the modules of a config, as mmengine does, with errors of one sentence.

    Args:
        custom_imports: ``imports``, a name or a list of names, and ``allow_failed_imports``. Of the
            modules that cannot be imported, those are then left out with a warning.
        source: Path of the config, for the error.

    Raises:
        UserError: The section has another form, or a module cannot be imported.
    """
    if not custom_imports:
        return
    for name in _names(custom_imports, source):
        try:
            import_module(name)
        except Exception as exc:
            reason = _reason(exc, name)
            if not (isinstance(exc, ImportError) and custom_imports.get('allow_failed_imports')):
                raise UserError(f"custom_imports of '{source}': {reason}") from exc
            warnings.warn(f"custom_imports of '{source}': left out, {reason}", stacklevel=2)


def _names(custom_imports: Any, source: str | Path) -> list[str]:
    """Return the names of the modules."""
    where = f"custom_imports of '{source}'"
    if not isinstance(custom_imports, Mapping):
        raise UserError(f'{where} is {custom_imports!r}, expected dict(imports=[...])')
    for key in custom_imports:
        if key not in _KEYS:
            raise UserError(f"{where} has no key '{key}'{nearest(key, _KEYS)}")
    given = custom_imports.get('imports') or []
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise UserError(f'{where}: imports={given!r}, expected a list of names of modules')
    return list(names)


def _reason(exc: Exception, name: str) -> str:
    """Say why a module cannot be imported: it is not there, or its own code has an error."""
    missing = exc.name if isinstance(exc, ModuleNotFoundError) else None
    if missing and (name == missing or name.startswith(f'{missing}.')):
        folders = dict.fromkeys(str(Path(folder or '.').resolve()) for folder in sys.path)
        found = [folder for folder in folders if Path(folder).is_dir()]
        return (
            f"there is no module '{missing}' in {some_of(found)}; the folder that holds "
            f"'{name.partition('.')[0]}' belongs into the environment variable PYTHONPATH"
        )
    place = ''
    if isinstance(exc, SyntaxError):
        place = f' ({exc.filename}, line {exc.lineno})'
        return f"the module '{name}' has an error{place}: {exc.msg}"
    # The last frame of the module's own code, not of the import machinery.
    frames = [f for f in traceback.extract_tb(exc.__traceback__) if '<frozen' not in f.filename]
    if len(frames) > 1:
        place = f' ({frames[-1].filename}, line {frames[-1].lineno})'
    return f"the module '{name}' ends with an error{place}: {type(exc).__name__}: {exc}"
