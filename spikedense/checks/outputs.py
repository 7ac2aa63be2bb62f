"""Outputs that would replace inputs are refused before anything is written."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from spikedense.errors import UserError

from .out_file import check_file, real_path

_LOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_INNER = ('dataset', 'datasets')


def check_folder_of_images(option: str, folder: str | Path, inputs: Iterable[str | Path]) -> None:
    """Check that a folder of outputs holds none of the inputs.

    Args:
        option: Name of the option, for the message.
        folder: The folder of the outputs; it need not exist.
        inputs: Files that are read.

    Raises:
        UserError: An input lies in the folder.
    """
    root = real_path(folder)
    for path in inputs:
        if root in real_path(path).parents:
            raise UserError(
                f"{option} '{folder}': the folder holds the input '{path}', expected another "
                'folder, because files of the inputs could be replaced'
            )


def check_outputs_of_run(cfg: Any, folders: Mapping[str, str], files: Mapping[str, str]) -> None:
    """Check that the outputs of a training or a test do not lie in the data of the config.

    Args:
        cfg: The config.
        folders: Option -> folder of outputs.
        files: Option -> file of outputs.

    Raises:
        UserError: A folder is one of the data's own, or lies in one; a file is an input; or two
            outputs have one place.
    """
    check_different({**folders, **files})
    data = [set_ for name in _LOADERS for set_ in _data_sets(cfg.get(name))]
    for option, folder in folders.items():
        for data_set in data:
            _check_folder(option, folder, data_set)
    inputs = [cfg.filename, cfg.get('load_from'), *(path for one in data for path in _files(one))]
    for option, out in files.items():
        check_file(option, out, inputs)
        for data_set in data:
            _check_folder(option, os.path.dirname(os.path.abspath(out)), data_set, inside_only=True)


def check_different(outputs: Mapping[str, str]) -> None:
    """Check that outputs do not replace each other.

    Args:
        outputs: Option -> file or folder.

    Raises:
        UserError: Two outputs have one place.
    """
    seen: dict[Path, str] = {}
    for option, path in outputs.items():
        other = seen.setdefault(real_path(path), option)
        if other != option:
            raise UserError(
                f"{other} and {option} are both '{path}', expected different places, because files "
                'of one name would replace each other'
            )


def _check_folder(option: str, folder: str, data_set: Any, inside_only: bool = False) -> None:
    """Refuse a folder inside of the folders of a data set, or between them and the data root."""
    out = real_path(folder)
    root = data_set.get('data_root')
    for own in _folders(data_set):
        inside = own == out or own in out.parents
        above = bool(root) and out in own.parents and real_path(root) in (out, *out.parents)
        if inside or (above and not inside_only):
            raise UserError(
                f"{option} '{folder}' is a folder of the data set {data_set.get('type')} "
                f"('{own}'), expected another folder, because files of the data could be replaced"
            )


def _folders(data_set: Any) -> Iterator[Path]:
    """Yield the folders of images and labels of a data set."""
    root = data_set.get('data_root') or ''
    prefixes = data_set.get('data_prefix') or {}
    values = prefixes.values() if isinstance(prefixes, Mapping) else (prefixes,)
    for prefix in values:
        if isinstance(prefix, str) and (prefix or root):
            yield real_path(os.path.join(root, prefix))


def _files(data_set: Any) -> Iterator[str]:
    name = data_set.get('ann_file')
    if isinstance(name, str) and name:
        yield os.path.join(data_set.get('data_root') or '', name)


def _data_sets(node: Any) -> Iterator[Any]:
    """Yield the data sets of a loader, also those inside of others."""
    if isinstance(node, list | tuple):
        for item in node:
            yield from _data_sets(item)
    elif isinstance(node, Mapping):
        if 'data_root' in node or 'data_prefix' in node or 'ann_file' in node:
            yield node
        for name in _INNER:
            yield from _data_sets(node.get(name))
