"""The hook that examines the data of a run before the first iteration."""

from collections.abc import Iterator
from logging import WARNING
from typing import Any

from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, TestLoop, ValLoop

from spikedense.checks.classes import (
    check_class_order,
    check_classes,
    check_image_labels,
    check_void,
    heads_of,
    void_labels,
)
from spikedense.checks.clips import check_frame_metrics
from spikedense.checks.judged import Judged, check_judged
from spikedense.checks.label_maps import Ignored, LabelUse, check_label_maps
from spikedense.checks.loaders import check_end, dropped_images
from spikedense.checks.model import classifier
from spikedense.checks.parts import inner_data_sets


class DataCheckHook(Hook):
    """Refuse data that does not fit the model, the metrics or itself.

    Args:
        opened: Number of label maps, and of panoptic PNGs, to open of each data set; None means
            all.
    """

    priority = 'HIGHEST'

    def __init__(self, opened: int | None) -> None:
        self.opened = opened

    def before_run(self, runner: Any) -> None:
        """Check the loaders that the run has built.

        Args:
            runner: The runner.

        Raises:
            UserError: The data cannot be used.
        """
        built = {name: getattr(runner, f'_{name}_loop', None) for name in ('train', 'val', 'test')}
        loops: dict[str, Any] = {n: loop for n, loop in built.items() if isinstance(loop, BaseLoop)}
        for name, loop in loops.items():
            if isinstance(loop, EpochBasedTrainLoop | ValLoop | TestLoop):
                check_end(loop.dataloader, f'{name}_dataloader')
            check_classes(runner.model, loop.dataloader.dataset)
            check_image_labels(runner.model, loop.dataloader.dataset)
            if name != 'train' and 'train' in loops:
                train, judged = loops['train'].dataloader.dataset, loop.dataloader.dataset
                check_class_order(train, judged, f'{name}_dataloader')
        if 'train' in loops:
            check_void(runner.model)
            self._check_maps(runner, loops['train'].dataloader.dataset, void_labels(runner.model))
        for name in loops.keys() - {'train'}:
            self._check_judged(runner, name, loops[name])

    def _check_judged(self, runner: Any, name: str, loop: Any) -> None:
        check_frame_metrics(runner.model, getattr(loop, 'evaluator', None))
        dataset, metrics = loop.dataloader.dataset, list(_metrics(runner, name, loop))
        number = dropped_images(loop.dataloader)
        if number:
            print_log(
                f'{name}_dataloader.drop_last=True leaves out {number} of {len(dataset)} images: '
                'the metrics do not judge them',
                logger='current',
                level=WARNING,
            )
        check_judged(metrics, self.opened)
        voids = [
            Ignored(f'{one.key}.ignore_index', one.metric.ignore_index)
            for one in metrics
            if isinstance(getattr(one.metric, 'ignore_index', None), int)
        ]
        self._check_maps(runner, dataset, voids)

    def _check_maps(self, runner: Any, dataset: Any, ignored: list[Ignored]) -> None:
        head = classifier(runner.model)
        known = getattr(dataset, 'metainfo', {}).get('classes')
        heads = heads_of(runner.model, 'decode_head')
        if any(getattr(module, 'out_channels', None) == 1 for _, module in heads):
            number = 2  # of one map come two classes
        else:
            number = head[1] if head and not known else 0  # the head knows them without names
        check_label_maps(dataset, LabelUse(ignored, number, self.opened))


def _metrics(runner: Any, name: str, loop: Any) -> Iterator[Judged]:
    """Yield the metrics of a loop, each with its key and file in the config and its data set."""
    key = f'{name}_evaluator'
    # A loop of the user may judge in another way.
    metrics = getattr(getattr(loop, 'evaluator', None), 'metrics', [])
    if not metrics:
        return
    cfgs = metric_configs(runner.cfg.get(key))
    cfgs = cfgs if len(cfgs) == len(metrics) else [{}] * len(metrics)
    dataset = loop.dataloader.dataset
    # mmdet's evaluator of several data sets has a metric for each.
    sets = inner_data_sets(dataset) if hasattr(loop.evaluator, 'dataset_prefixes') else []
    sets = sets if len(sets) == len(metrics) else [dataset] * len(metrics)
    head = classifier(runner.model)
    for i, (metric, cfg, data) in enumerate(zip(metrics, cfgs, sets, strict=True)):
        where = f'{key}.{i}' if len(metrics) > 1 else key
        yield Judged(where, metric, cfg.get('ann_file'), data, head[1] if head else 0)


def metric_configs(evaluator: Any) -> list[dict]:
    """Return the configs of the metrics of an evaluator.

    Args:
        evaluator: Config of an evaluator, of a metric or of a list of metrics.
    """
    if isinstance(evaluator, dict) and 'metrics' in evaluator:
        evaluator = evaluator['metrics']
    found = evaluator if isinstance(evaluator, list | tuple) else [evaluator]
    return [cfg for cfg in found if isinstance(cfg, dict)]


def annotation_files(evaluator: Any) -> list[str]:
    """Return the annotation files that the config of an evaluator names.

    Args:
        evaluator: Config of an evaluator, of a metric or of a list of metrics.
    """
    return [cfg['ann_file'] for cfg in metric_configs(evaluator) if cfg.get('ann_file')]
