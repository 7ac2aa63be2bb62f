"""Whether a checkpoint file is whole: torch writes checksums, and never compares them."""

import os
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError
from typing import BinaryIO

from torch.serialization import get_unsafe_globals_in_checkpoint

from .safetensors import flaw_of_safetensors, is_safetensors

_INCOMPLETE = 'it is incomplete or no checkpoint at all'
_ZIP_START = b'PK\x03\x04'
_PICKLE_START = b'\x80'


def flaw(path: str | Path) -> str | None:
    """Tell why a checkpoint file is not whole.

    All bytes of the file are read, nothing is unpickled. The formats before torch 1.6 (a pickle, a
    tar file) have no checksums: of such a file only the first bytes are looked at.

    Args:
        path: The file.

    Returns:
        The second half of a sentence, "it is damaged: ..."; None if the file is whole.

    Raises:
        OSError: The file is missing, or the machine cannot read it.
    """
    path = Path(path)
    if is_safetensors(path):
        return flaw_of_safetensors(path)
    with path.open('rb') as file:
        start = file.read(len(_ZIP_START))
        if not start:
            return f'{_INCOMPLETE} (the file is empty)'
        if start != _ZIP_START:
            if not start.strip(b'\0'):
                # A power cut can leave zeros in the place of what was not written.
                return f'{_INCOMPLETE} (it begins with zeros)'
            older = start.startswith(_PICKLE_START) or tarfile.is_tarfile(path)
            return None if older else f'{_INCOMPLETE} (its first bytes)'
        size = os.fstat(file.fileno()).st_size
        try:
            with zipfile.ZipFile(file) as archive:
                # torch compresses the code of TorchScript alone. Few bytes can become many.
                if any(e.compress_type and '/data' in e.filename for e in archive.infolist()):
                    return f'{_INCOMPLETE} (its parts are compressed)'
                broken = archive.testzip()
            if broken is None:
                _open_as_torch(file)
        # A damaged list of entries leads to almost any error.
        except Exception as exc:
            reason = str(exc).partition('\n')[0]
            return f'{_INCOMPLETE} (after {size} bytes: {reason})'
    return None if broken is None else f'it is damaged: the checksum of {broken} is wrong'


def _open_as_torch(file: BinaryIO) -> None:
    """Let torch read the list of entries, which torch reads more strictly than Python does.

    Raises:
        RuntimeError: The list is damaged.
    """
    file.seek(0)
    # What the names are is for the loader to judge.
    with suppress(UnpicklingError, ValueError):
        get_unsafe_globals_in_checkpoint(file)
