"""Registers the safe loader with mmengine, for files and for every kind of address.

Runner, ``init_cfg`` and inferencers of the libraries look a loader up by the beginning of the path.
mmengine's own loaders run a file that the safe way refuses.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
from mmengine.dist import barrier, get_rank, is_main_process
from mmengine.fileio import get_file_backend
from mmengine.runner import CheckpointLoader
from mmengine.runner.checkpoint import (
    get_deprecated_model_names,
    get_external_models,
    get_mmcls_models,
    get_torchvision_models,
)

from spikedense.errors import UserError
from spikedense.utils.known_names import nearest

from .load import load_bytes, load_file

_BACKBONE = 'backbone.'
_LISTS = ('torchvision://', 'modelzoo://', 'open-mmlab://', 'openmmlab://', 'mmcls://')


# mmengine logs the part of a name behind `load_from_`.
def load_from_local(filename: str, map_location: Any = None) -> Any:
    """Read a file.

    Args:
        filename: Path of the file.
        map_location: As for ``torch.load``.

    Returns:
        The content of the file.

    Raises:
        UserError: The file is damaged, or asks for a function that is not on the list.
        FileNotFoundError: There is no such file.
    """
    return load_file(filename, map_location)


def load_from_http(filename: str, map_location: Any = None) -> Any:
    """Fetch a file once, keep it where torch keeps such files, and read it.

    Args:
        filename: Address of the file.
        map_location: As for ``torch.load``.

    Returns:
        The content of the file.

    Raises:
        UserError: The address does not answer, or the file is refused.
    """
    folder = Path(torch.hub.get_dir(), 'checkpoints')
    kept = folder / Path(urlparse(filename).path).name
    try:
        # The first process fetches for all; a machine with another disk then fetches for itself.
        if get_rank() == 0:
            _fetch(filename, kept)
    finally:
        barrier()
    _fetch(filename, kept)
    return load_file(kept, map_location)


def load_from_storage(filename: str, map_location: Any = None) -> Any:
    """Read a file of a storage service that mmengine knows; see :func:`load_from_http`."""
    backend = get_file_backend(filename, backend_args={'backend': 'petrel'})
    return load_bytes(backend.get(filename), filename, map_location)


def load_from_name(filename: str, map_location: Any = None) -> Any:
    """Look up the address behind a name of a library's list, and read the file.

    Args:
        filename: ``torchvision://NAME``, ``open-mmlab://NAME`` or ``mmcls://NAME``.
        map_location: As for ``torch.load``.

    Returns:
        The content of the file; of ``mmcls://`` the weights of the backbone.

    Raises:
        UserError: The name is not on the list, or the file is refused.
    """
    scheme, _, name = filename.partition('://')
    if scheme in ('torchvision', 'modelzoo'):
        known = get_torchvision_models()
    elif scheme == 'mmcls':
        known = get_mmcls_models()
    else:
        known = get_external_models()
        name = get_deprecated_model_names().get(name, name)
    if name not in known:
        raise UserError(f"unknown checkpoint '{filename}'{nearest(name, known)}")
    address = known[name]
    if '://' not in address:
        # A user's own list names files beside itself.
        home = os.getenv('MMENGINE_HOME') or Path(
            os.getenv('XDG_CACHE_HOME', '~/.cache'), 'mmengine'
        )
        return load_file(Path(home, address), map_location)
    content = load_from_http(address, map_location)
    if scheme == 'mmcls':
        state = content.get('state_dict', content)
        content = {
            'state_dict': {
                key.removeprefix(_BACKBONE): value
                for key, value in state.items()
                if key.startswith(_BACKBONE)
            }
        }
    return content


def load_from_pavi(filename: str, map_location: Any = None) -> Any:
    """Refuse an address of a service that no public package reads.

    Args:
        filename: The address.
        map_location: Not read.

    Raises:
        UserError: Always.
    """
    raise UserError(f"cannot read the checkpoint '{filename}': fetch it, and name the file")


def _fetch(address: str, kept: Path) -> None:
    if kept.is_file():
        return
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(address, str(kept), progress=is_main_process())
    except OSError as exc:
        raise UserError(
            f"cannot fetch the checkpoint '{address}' ({exc}), expected an address that answers, "
            'or the path of a file'
        ) from exc


def register() -> None:
    """Register the loaders in the places of mmengine's own."""
    for prefixes, loader in (
        ('', load_from_local),
        (['http://', 'https://'], load_from_http),
        ([r'(\S+\:)?s3://', r'(\S+\:)?petrel://'], load_from_storage),
        (_LISTS, load_from_name),
        ('pavi://', load_from_pavi),
    ):
        CheckpointLoader.register_scheme(prefixes, loader, force=True)
