"""A test run for a report: the metrics, and how the neurons fired on the way to them."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmengine.config import Config

from spikedense.analysis.energy import part_of
from spikedense.analysis.firing import FiringAlarms, FiringStatistics, summarise

from .launch import test

_CLASS_PREFIX = 'IoU.'
_IOU_METRICS = ('IoUMetric', 'mmseg.IoUMetric')


def tested(
    cfg: Config,
    config: str,
    checkpoint: str,
    cfg_options: Mapping[str, Any] | None,
    spiking: bool,
) -> tuple[dict[str, Any], dict[str, FiringStatistics]]:
    """Tests a checkpoint on the test set of its config, in a work dir that is gone afterwards.

    Args:
        cfg: the config, read.
        config: path of the config, or the name of one that is shipped.
        checkpoint: its file.
        cfg_options: dotted keys and the values that replace the config's.
        spiking: whether there are neurons to watch.

    Returns:
        ``metrics`` and, of a segmentor, ``class_iou`` in percent (None where a number is no
        number); and the statistics of each neuron.
    """
    options = {**(cfg_options or {}), **_class_iou(cfg)}
    with TemporaryDirectory(prefix='spikedense_report_') as folder:
        rates = Path(folder, 'firing.json')
        found = test(
            config,
            checkpoint,
            work_dir=str(Path(folder, 'run')),
            cfg_options=options,
            firing_rates=str(rates) if spiking else None,
        )
        statistics = read_statistics(rates) if spiking else {}
    metrics = {key: _finite(value) for key, value in found.items()}
    of_classes = {key.partition(_CLASS_PREFIX)[2]: key for key in metrics if _CLASS_PREFIX in key}
    class_iou = {name: metrics.pop(key) for name, key in of_classes.items()}
    return dict(metrics=metrics, class_iou=class_iou), statistics


def _class_iou(cfg: Config) -> dict[str, Any]:
    """Options that put a metric with an IoU for each class in the place of mmseg's own."""
    evaluator: Any = cfg.get('test_evaluator')
    if cfg.get('default_scope') != 'mmseg' or not evaluator:
        return {}
    # Registers it; a config of mmseg looks into no registry of ours but by its scope.
    from spikedense.evaluation import class_iou_metric

    name = f'spikedense.{class_iou_metric.ClassIoUMetric.__name__}'
    if isinstance(evaluator, Mapping):
        return {'+test_evaluator.type': name} if evaluator.get('type') in _IOU_METRICS else {}
    return {
        f'+test_evaluator.{index}.type': name
        for index, metric in enumerate(evaluator)
        if metric.get('type') in _IOU_METRICS
    }


def _finite(value: Any) -> float | None:
    """A number that JSON knows."""
    number = float(value)
    return number if math.isfinite(number) else None


def read_statistics(path: Path) -> dict[str, FiringStatistics]:
    """Reads what :func:`spikedense.analysis.firing.write_statistics` wrote as JSON.

    Args:
        path: the file.

    Returns:
        Name of each neuron -> its statistics.
    """
    content: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding='utf-8'))
    for fields in content.values():
        fields.update({key: tuple(v) for key, v in fields.items() if isinstance(v, list)})
    return {name: FiringStatistics(**fields) for name, fields in content.items()}


def firing_section(statistics: Mapping[str, FiringStatistics], source: str) -> dict[str, Any]:
    """The firing of a model as plain values.

    Args:
        statistics: of each neuron, by its name.
        source: what it was measured on.

    Returns:
        ``source``, ``summary``, ``alarms`` (sentences) and ``neurons``: name, part and state of
        each, and the fields of its statistics.
    """
    alarms = FiringAlarms()
    counted = {key: sum(getattr(s, key) for s in statistics.values()) for key in _COUNTS}
    return dict(
        source=source,
        summary={**summarise(statistics), 'counted': counted},
        alarms=alarms.check(statistics),
        neurons=[
            dict(name=name, part=part_of(name), state=_state(found, alarms), **_plain(found))
            for name, found in statistics.items()
        ],
    )


_COUNTS: Sequence[str] = ('units', 'dead', 'always_on', 'elements')


def _plain(found: FiringStatistics) -> dict[str, Any]:
    return {k: list(v) if isinstance(v, tuple) else v for k, v in vars(found).items()}


def _state(found: FiringStatistics, alarms: FiringAlarms) -> str:
    """What is wrong with a neuron, in a word."""
    if found.rate < alarms.min_rate:
        return 'silent'
    if found.dead / found.units > alarms.max_dead:
        return 'dead units'
    if found.saturated > alarms.max_saturated:
        return 'saturated'
    return 'always on' if found.always_on / found.units > alarms.max_always_on else 'normal'
