"""The one way to read a checkpoint file: nothing in the file runs."""

import io
import os
import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, BinaryIO

import torch
from torch.serialization import add_safe_globals, clear_safe_globals, get_safe_globals

from spikedense.errors import UserError
from spikedense.utils.warning_line import warn

from .allowed import ALLOWED, with_arrays
from .content import checked_content
from .published import from_strings
from .safetensors import is_safetensors, read_safetensors
from .whole import flaw

#: Set to 1, files are read that ask for more than a checkpoint needs, and the libraries find the
#: configs in checkpoints.
TRUST_VARIABLE = 'SPIKEDENSE_TRUST_PICKLES'

_GLOBAL = re.compile(r'GLOBAL (\S+)')
_OLD_TAR = 'legacy .tar format'
#: First bytes of a zip file, and of a pickle.
_STARTS = (b'PK', b'\x80')
#: torch keeps its list in one place for the whole process.
_LIST_LOCK = threading.Lock()


def load_file(path: str | Path, map_location: Any = None) -> Any:
    """Read a checkpoint file, and run nothing of what the file holds.

    Args:
        path: The file: torch's format, or safetensors by its suffix.
        map_location: As for ``torch.load``. The tensors of safetensors stay on the CPU.

    Returns:
        The content of the file; of safetensors a dictionary with ``state_dict`` and ``meta``.

    Raises:
        UserError: The file is damaged, or asks for a function that is not on the list.
        FileNotFoundError: There is no such file.
    """
    path = Path(path).expanduser()
    damage = flaw(path)
    if damage is not None:
        raise UserError(f"cannot read the checkpoint '{path}': {damage}")
    if is_safetensors(path):
        tensors, facts = read_safetensors(path)
        content: Any = from_strings(facts, tensors)
    else:
        with path.open('rb') as file:
            content = _load(file, str(path), map_location)
    return checked_content(content, _trusted())


def load_bytes(content: bytes, source: str, map_location: Any = None) -> Any:
    """Read a checkpoint that a storage service has handed over.

    Args:
        content: The file in torch's format.
        source: Address of the file, for messages.
        map_location: As for ``torch.load``.

    Returns:
        The content of the file.

    Raises:
        UserError: The file is damaged, or asks for a function that is not on the list.
    """
    return checked_content(_load(io.BytesIO(content), source, map_location), _trusted())


def _load(file: BinaryIO, source: str, map_location: Any) -> Any:
    try:
        with _own_list():
            return with_arrays(torch.load(file, map_location, weights_only=True))
    except (MemoryError, OSError, torch.OutOfMemoryError):
        raise
    except Exception as exc:
        wanted = _wanted(exc, file)
        if wanted is None:
            raise UserError(
                f"cannot read the checkpoint '{source}': it is incomplete or no checkpoint at all "
                f'({type(exc).__name__})'
            ) from exc
        if not _trusted():
            raise UserError(
                f"refused to read the checkpoint '{source}': it asks for {wanted}, and such a file "
                f'can run any program; {TRUST_VARIABLE}=1 reads a file whose origin you trust'
            ) from exc
    warn(f"'{source}' asks for {wanted} and is read, because {TRUST_VARIABLE} is set")
    file.seek(0)
    try:
        return torch.load(file, map_location, weights_only=False)
    except (MemoryError, OSError, torch.OutOfMemoryError):
        raise
    # A program can fail in any way, for example for want of a module.
    except Exception as exc:
        raise UserError(
            f"cannot read the checkpoint '{source}': {type(exc).__name__}: {exc}"
        ) from exc


def _trusted() -> bool:
    return os.environ.get(TRUST_VARIABLE) == '1'


@contextmanager
def _own_list() -> Iterator[None]:
    """Let torch allow the names of our list alone: another package may have added ``getattr``."""
    with _LIST_LOCK, warnings.catch_warnings():
        # Of formats that are refused anyhow.
        warnings.simplefilter('ignore')
        others = get_safe_globals()
        clear_safe_globals()
        add_safe_globals(ALLOWED)
        try:
            yield
        finally:
            clear_safe_globals()
            add_safe_globals(others)


def _wanted(exc: Exception, file: BinaryIO) -> str | None:
    """Name what a file asks for; None if the file is damaged."""
    text = str(exc)
    found = _GLOBAL.search(text)
    if found is not None:
        # torch does not write the module of the built-in functions.
        return repr(found[1] if '.' in found[1] else f'builtins.{found[1]}')
    if _OLD_TAR in text:
        return 'the tar format of old versions of torch'
    if 'TorchScript' in text:
        return 'TorchScript'
    file.seek(0)
    is_pickle = file.read(2).startswith(_STARTS)
    if is_pickle and isinstance(exc, UnpicklingError) and 'Unsupported operand' in text:
        return 'instructions that no checkpoint needs'
    return None
