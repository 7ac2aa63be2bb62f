"""Data sets of mmdet's COCO family, wherever they stand in a config, are checked as they load."""

import inspect
from collections.abc import Mapping
from typing import Any

from mmengine.registry import DATASETS

from spikedense.utils.signatures import accepted_parameters

from .errors import RunError

_WRAPPED = ('dataset', 'datasets')


def with_checks(dataset: Any) -> Any:
    """The config of a data set, changed so that COCO files are checked before they are used.

    Args:
        dataset: Config of a data set, maybe in wrappers; anything else is returned as it is.

    Returns:
        A config that builds the same.
    """
    if isinstance(dataset, list | tuple):
        return [with_checks(item) for item in dataset]
    if not isinstance(dataset, dict):
        return dataset
    if _is_coco(dataset):
        return {'type': _build_checked, 'dataset': dataset}
    changed = {key: with_checks(dataset[key]) for key in _WRAPPED if key in dataset}
    return {**dataset, **changed} if changed else dataset


def _is_coco(dataset: Mapping[str, Any]) -> bool:
    """Whether a config's type reads its file by a class named ``COCOAPI``, as mmdet's do."""
    cls = dataset.get('type')
    if isinstance(cls, str):
        with DATASETS.switch_scope_and_registry(dataset.get('_scope_')) as registry:
            cls = registry.get(cls)
    if not (inspect.isclass(cls) and hasattr(cls, 'COCOAPI')):
        return False
    known, open_ended = accepted_parameters(cls)
    return open_ended or 'lazy_init' in known


def _build_checked(dataset: dict) -> Any:
    """Build a data set of the COCO family, and check its file between parsing and use.

    Args:
        dataset: Its config.

    Returns:
        The data set, fully initialised.

    Raises:
        RunError: The file or its images cannot be used.
    """
    # Not above: the package of data sets imports mmseg and mmdet, which other runs do not need.
    from spikedense.datasets.coco_check import CocoError
    from spikedense.datasets.coco_reader import CheckedReader

    built = DATASETS.build({**dataset, 'lazy_init': True})
    # A data set frees the parsed file when it has read it, and to parse COCO anew takes longer
    # than to check it: hence a look from inside.
    built.COCOAPI = reader = CheckedReader(built)
    try:
        built.full_init()
        reader.report()
    except CocoError as exc:
        raise RunError(str(exc)) from exc
    except (AssertionError, KeyError, TypeError, ValueError) as exc:
        reason = f'no {exc}' if isinstance(exc, KeyError) else str(exc) or type(exc).__name__
        raise RunError(f"{type(built).__name__} cannot read '{built.ann_file}': {reason}") from exc
    finally:
        del built.COCOAPI
    return built
