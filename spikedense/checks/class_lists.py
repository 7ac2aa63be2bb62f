"""The check of lists of class names in the config of a data set."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikedense.errors import UserError

_LISTS = ('classes', 'thing_classes', 'stuff_classes')


def check_configured_lists(cfg: Mapping[str, Any]) -> None:
    """Check that the class names that a config gives to its data sets are lists.

    Args:
        cfg: The config.

    Raises:
        UserError: The names of a data set are no list.
    """
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        loader = cfg.get(name)
        if isinstance(loader, Mapping):
            _check_inside(loader.get('dataset'))


def _check_inside(dataset: Any) -> None:
    for part in dataset if isinstance(dataset, list | tuple) else [dataset]:
        if isinstance(part, Mapping):
            check_class_lists(part, None)
            _check_inside(part.get('dataset'))
            _check_inside(part.get('datasets'))


def check_class_lists(dataset: Mapping[str, Any], cls: Any) -> None:
    """Check that the class names of a data set are lists.

    ``('sky')`` without a comma is a string, of which the libraries make the classes s, k and y.

    Args:
        dataset: Config of the data set.
        cls: Class of the data set, with defaults in ``METAINFO``.

    Raises:
        UserError: The names are no list. A string may be the path of a file of names.
    """
    metainfo = dataset.get('metainfo')
    given = metainfo if isinstance(metainfo, Mapping) else {}
    own = getattr(cls, 'METAINFO', None)
    for key in _LISTS:
        _check(f'metainfo.{key}', given.get(key))
        if isinstance(own, Mapping) and key not in given:
            _check(f'METAINFO[{key!r}] of {cls.__name__}', own.get(key))
    # An argument of mmpretrain's data sets.
    _check('classes', dataset.get('classes'))


def _check(where: str, names: Any) -> None:
    if isinstance(names, str):
        if not Path(names).expanduser().is_file() and '://' not in names:
            raise UserError(
                f'{where}={names!r} is a string, expected a tuple, as ({names!r},), or the path '
                'of a file with a name in each line'
            )
    elif isinstance(names, int | float | Mapping):
        raise UserError(f'{where}={names!r}, expected a tuple of names')
