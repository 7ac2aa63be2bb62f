"""The test of a report: the metrics, and how the neurons fired during the test."""

import math
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mmengine.config import Config
from torch import nn

from spikedense.analysis.firing import FiringStatistics, read_statistics
from spikedense.apis import test
from spikedense.utils.class_names import class_name

_CLASS_PREFIX = 'IoU.'
_IOU_METRIC = 'IoUMetric'


def tested(
    cfg: Config,
    config: str,
    checkpoint: str,
    cfg_options: Mapping[str, Any] | None,
    model: nn.Module,
    spiking: bool,
) -> tuple[dict[str, Any], dict[str, FiringStatistics]]:
    """Test a checkpoint on the test set of its config, in a work dir that is removed afterwards.

    Args:
        cfg: The config.
        config: Path of the config, or the name of a shipped one.
        checkpoint: Path of the checkpoint.
        cfg_options: Dotted keys and the values that replace those of the config.
        model: The model of the config. It stays on the device of the test.
        spiking: Whether the model has neurons whose firing is measured.

    Returns:
        A dict of ``metrics`` and ``class_iou`` (percent, of a segmentor; a value is None if it is
        not finite), and the statistics of each neuron.
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
            model=model,
        )
        statistics = read_statistics(rates) if spiking else {}
    metrics = {key: _finite(value) for key, value in found.items()}
    of_classes = {key.partition(_CLASS_PREFIX)[2]: key for key in metrics if _CLASS_PREFIX in key}
    class_iou = {name: metrics.pop(key) for name, key in of_classes.items()}
    return dict(metrics=metrics, class_iou=class_iou), statistics


def _class_iou(cfg: Config) -> dict[str, Any]:
    """Return options that replace mmseg's metric by one with an IoU for each class."""
    evaluator: Any = cfg.get('test_evaluator')
    if cfg.get('default_scope') != 'mmseg' or not evaluator:
        return {}
    # The import registers the metric.
    from spikedense.evaluation import class_iou_metric

    name = f'spikedense.{class_iou_metric.ClassIoUMetric.__name__}'
    if isinstance(evaluator, Mapping):
        return {'+test_evaluator.type': name} if class_name(evaluator) == _IOU_METRIC else {}
    return {
        f'+test_evaluator.{index}.type': name
        for index, metric in enumerate(evaluator)
        if class_name(metric) == _IOU_METRIC
    }


def _finite(value: Any) -> float | None:
    """Return a number as a float, or None for one that JSON cannot hold."""
    number = float(value)
    return number if math.isfinite(number) else None
