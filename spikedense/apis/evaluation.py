"""What ``--tta`` and ``--out`` change in a config, for each library."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mmengine.config import Config

from spikedense.checks.config import library_of
from spikedense.errors import UserError
from spikedense.utils.class_names import class_name

_TTA_MODELS: dict[str, dict] = {
    'mmseg': dict(type='mmseg.SegTTAModel'),
    # Without a scope, because mmdet registers the class in mmengine's own registry.
    'mmdet': dict(
        type='DetTTAModel',
        tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100),
    ),
    'mmpretrain': dict(type='mmpretrain.AverageClsScoreTTA'),
}
_DET_META = (
    'img_id',
    'img_path',
    'ori_shape',
    'img_shape',
    'scale_factor',
    'flip',
    'flip_direction',
)
_MASK_HEADS = ('mask_head', 'panoptic_head')
_FOLDER_METRICS = ('IoUMetric',)


def add_tta(cfg: Config) -> None:
    """Average the predictions over augmented copies of each image.

    The ``tta_model`` and ``tta_pipeline`` of the config are used. Without them, the copies are the
    image of the test pipeline and its mirror image.

    Args:
        cfg: The config, changed in place.

    Raises:
        UserError: The model is a detector that predicts masks.
    """
    library = library_of(cfg)
    if library == 'mmdet' and _predicts_masks(cfg.model):
        raise UserError('--tta: mmdet merges the boxes of several copies, not the masks')
    for dataset in _inner_configs(cfg.test_dataloader.dataset):
        pipeline = cfg.get('tta_pipeline') or _flip_pipeline(library, dataset.pipeline)
        if not any(_loads_labels(step) for step in dataset.pipeline):
            pipeline = [_without_labels(step) for step in pipeline if not _loads_labels(step)]
        dataset.pipeline = copy.deepcopy(pipeline)
    tta_model = dict(cfg.get('tta_model') or _TTA_MODELS[library])
    # mmengine would give the model this preprocessor in place of its own.
    preprocessor = cfg.pop('data_preprocessor', None)
    if preprocessor is not None:
        cfg.model.setdefault('data_preprocessor', preprocessor)
    # The hook does not know the keys of a model inside of a wrapper. A checkpoint has the averaged
    # weights in the place of the others, so a test does not need the hook.
    if cfg.get('custom_hooks'):
        cfg.custom_hooks = [hook for hook in cfg.custom_hooks if class_name(hook) != 'EMAHook']
    cfg.model = dict(**tta_model, module=cfg.model)


def _inner_configs(dataset: Any) -> list[Any]:
    """Return the configs of the data sets that a data set is made of."""
    parts = [dataset['dataset']] if 'dataset' in dataset else dataset.get('datasets', ())
    return [inner for part in parts for inner in _inner_configs(part)] or [dataset]


def _predicts_masks(model: Any) -> bool:
    """Tell whether a detector has a head for masks."""
    if not isinstance(model, dict):
        return False
    return any(
        (key in _MASK_HEADS and value) or _predicts_masks(value) for key, value in model.items()
    )


def _flip_pipeline(library: str, pipeline: list[dict]) -> list[dict]:
    """Return the test pipeline with its last step done twice, unchanged and flipped."""
    *steps, pack = copy.deepcopy(list(pipeline))
    tail = [[pack]]
    if library == 'mmseg':
        # Labels are read after the flip, because predictions are flipped back before they are
        # compared with the labels.
        labels = [step for step in steps if class_name(step) == 'LoadAnnotations']
        steps = [step for step in steps if step not in labels]
        tail = [[step] for step in labels] + tail
    elif library == 'mmdet':
        # The keys of the config do not include the flip, which has to be undone.
        pack['meta_keys'] = tuple(dict.fromkeys((*pack.get('meta_keys', ()), *_DET_META)))
    flips = [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)]
    if library != 'mmpretrain':
        flips[1]['direction'] = 'horizontal'
    return [*steps, dict(type='TestTimeAug', transforms=[flips, *tail])]


def _loads_labels(step: Mapping[str, Any]) -> bool:
    return 'Annotation' in class_name(step)


def _without_labels(step: dict) -> dict:
    """Return a step of a pipeline without loaders of labels, which a test set may not have."""
    if class_name(step) != 'TestTimeAug':
        return step
    branches = [
        [part for part in parts if not isinstance(part, dict) or not _loads_labels(part)]
        for parts in step['transforms']
    ]
    # Of an empty list no copy would be made.
    return {**step, 'transforms': [parts for parts in branches if parts]}


def add_output(cfg: Config, out: str) -> None:
    """Write the predictions of a test to files.

    Args:
        cfg: The config, changed in place.
        out: A pickle file; for a config with mmseg's IoUMetric also a folder, which gets one PNG
            label map for each image.

    Raises:
        UserError: The predictions need a pickle file, and ``out`` has another suffix.
    """
    library = library_of(cfg)
    evaluator = cfg.test_evaluator
    metrics = list(evaluator) if isinstance(evaluator, (list, tuple)) else [evaluator]
    writers = [metric for metric in metrics if class_name(metric) in _FOLDER_METRICS]
    if writers and not is_pickle(out):
        writers[0]['output_dir'] = out
        name_label_maps(cfg)
        return
    if not is_pickle(out):
        raise UserError(
            f"--out '{out}': the predictions of this config go to one pickle file, expected a "
            'name that ends in .pkl or .pickle'
        )
    # A metric that only writes files of its own has nothing to do if it has no name for them.
    metrics = [m for m in metrics if not m.get('format_only') or _writes(m)]
    dump = 'mmdet.DumpDetResults' if library == 'mmdet' else 'DumpResults'
    cfg.test_evaluator = [*metrics, dict(type=dump, out_file_path=out)]


def _writes(metric: Mapping[str, Any]) -> bool:
    return any(metric.get(key) for key in ('output_dir', 'outfile_prefix'))


def name_label_maps(cfg: Config) -> None:
    """Let label maps of images of equal names be different files.

    Args:
        cfg: The config, changed in place.
    """
    for key in ('val_evaluator', 'test_evaluator'):
        evaluator = cfg.get(key)
        for metric in evaluator if isinstance(evaluator, (list, tuple)) else [evaluator]:
            if metric and class_name(metric) in _FOLDER_METRICS and metric.get('output_dir'):
                metric['type'] = 'spikedense.LabelMapMetric'


@contextmanager
def output_folder(out: str | None) -> Iterator[None]:
    """Create the folder of the label maps, in each process; a test that fails leaves none empty.

    mmseg creates the folder in the first process only, but another process may write first.

    Args:
        out: See :func:`add_output`; None means no predictions.
    """
    folder = None if out is None or is_pickle(out) else Path(out)
    new = folder is not None and not folder.exists()
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException:
        if folder is not None and new:
            with suppress(OSError):  # the folder is not empty, or another process was faster
                folder.rmdir()
        raise


def is_pickle(out: str) -> bool:
    """Tell whether ``--out`` is a pickle file, and no folder."""
    return out.endswith(('.pkl', '.pickle'))
