"""The checks of data sets at any place of a config: names of classes, and mmdet's COCO files."""

import inspect
from collections.abc import Mapping
from typing import Any

from mmengine.registry import DATASETS

from spikedense.errors import UserError
from spikedense.utils.signatures import accepted_parameters

from .class_lists import check_class_lists

_WRAPPED = ('dataset', 'datasets')

#: Images or label maps that are opened of each data set, spread over the set.
FILES_OPENED = 64


def with_checks(dataset: Any, opened: int | None = FILES_OPENED) -> Any:
    """Change the config of a data set so that COCO files are checked before they are used.

    Args:
        dataset: Config of a data set, maybe with other data sets inside; anything else is returned
            unchanged.
        opened: Number of images to open of each COCO file; None means all.

    Returns:
        A config that builds the same data set.

    Raises:
        UserError: Names of classes are no list.
    """
    if isinstance(dataset, list | tuple):
        return [with_checks(item, opened) for item in dataset]
    if not isinstance(dataset, dict):
        return dataset
    cls = _class_of(dataset)
    check_class_lists(dataset, cls)
    if _is_coco(cls):
        return {'type': _build_checked, 'dataset': dataset, 'opened': opened}
    changed = {key: with_checks(dataset[key], opened) for key in _WRAPPED if key in dataset}
    return {**dataset, **changed} if changed else dataset


def _class_of(dataset: Mapping[str, Any]) -> Any:
    cls = dataset.get('type')
    if isinstance(cls, str):
        with DATASETS.switch_scope_and_registry(dataset.get('_scope_')) as registry:
            cls = registry.get(cls)
    return cls


def _is_coco(cls: Any) -> bool:
    """Tell whether a class of data sets reads its file with ``COCOAPI``, as mmdet's do."""
    if not (inspect.isclass(cls) and hasattr(cls, 'COCOAPI')):
        return False
    known, open_ended = accepted_parameters(cls)
    return open_ended or 'lazy_init' in known


def _build_checked(dataset: dict, opened: int | None) -> Any:
    """Build a data set of the COCO family, and check its file after parsing and before use.

    Args:
        dataset: Config of the data set.
        opened: Number of images to open; None means all.

    Returns:
        The data set, fully initialised.

    Raises:
        UserError: The file or its images cannot be used.
    """
    # Not at the top: the reader imports mmcv's image loaders, which other data sets do not need.
    from .coco_reader import CheckedReader

    built = DATASETS.build({**dataset, 'lazy_init': True})
    # The check runs while the data set reads the file, because the data set frees the parsed file
    # afterwards, and parsing COCO again takes longer than checking it.
    built.COCOAPI = reader = CheckedReader(built, opened)
    try:
        built.full_init()
        reader.report()
    except (AssertionError, KeyError, TypeError, ValueError) as exc:
        reason = f'no {exc}' if isinstance(exc, KeyError) else str(exc) or type(exc).__name__
        raise UserError(f"{type(built).__name__} cannot read '{built.ann_file}': {reason}") from exc
    finally:
        del built.COCOAPI
    return built
