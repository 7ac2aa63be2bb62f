"""Checkpoint files that would run a program if they were unpickled."""

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch


class Call:
    """An object that calls a function when it is unpickled."""

    def __init__(self, function: Callable, *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> tuple:
        return self.call


def payload(marker: Path) -> Call:
    """Make an object that writes a file when it is unpickled."""
    return Call(open, str(marker), 'w')


def write_tar(path: Path, content: Any) -> None:
    """Write a file of torch's oldest format, which holds one pickle after another."""
    plain = path.with_suffix('.plain')
    torch.save(content, plain, _use_new_zipfile_serialization=False)
    with tarfile.open(path, 'w') as archive:
        for name in ('storages', 'tensors', 'pickle'):
            entry = tarfile.TarInfo(name)
            entry.size = plain.stat().st_size
            archive.addfile(entry, io.BytesIO(plain.read_bytes()))
    plain.unlink()
