"""What ``--tta``, ``--out`` and ``--show-dir`` change in a config, for each library."""

import copy
import itertools
from pathlib import Path
from typing import Any

from mmengine.config import Config

from .errors import UserError

_TTA_MODELS: dict[str, dict] = {
    'mmseg': dict(type='mmseg.SegTTAModel'),
    # Registered in mmengine's own registry, so no scope.
    'mmdet': dict(
        type='DetTTAModel',
        tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100),
    ),
    'mmpretrain': dict(type='mmpretrain.AverageClsScoreTTA'),
}
_VISUALIZERS = {
    'mmseg': 'SegLocalVisualizer',
    'mmdet': 'DetLocalVisualizer',
    'mmpretrain': 'UniversalVisualizer',
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
_RUNS = itertools.count()
_FOLDER_METRICS = ('IoUMetric',)


def library_of(cfg: Config) -> str:
    """The library whose conventions a config follows.

    Args:
        cfg: The config.

    Returns:
        ``mmseg``, ``mmdet`` or ``mmpretrain``.
    """
    scope = cfg.get('default_scope')
    if scope not in _TTA_MODELS:
        raise UserError(
            f'default_scope={scope!r} in the config; expected one of {", ".join(_TTA_MODELS)}'
        )
    return scope


def add_tta(cfg: Config) -> None:
    """Average the predictions over augmented copies of each image.

    The config's own ``tta_model`` and ``tta_pipeline`` are used; what it lacks is made up: the test
    pipeline, once as it is and once flipped.

    Args:
        cfg: The config, changed in place.
    """
    library = library_of(cfg)
    if library == 'mmdet' and _predicts_masks(cfg.model):
        raise UserError('--tta: mmdet merges the boxes of several copies, not the masks')
    dataset = cfg.test_dataloader.dataset
    while 'dataset' in dataset:
        dataset = dataset.dataset
    pipeline = cfg.get('tta_pipeline') or _flip_pipeline(library, dataset.pipeline)
    tta_model = dict(cfg.get('tta_model') or _TTA_MODELS[library])
    dataset.pipeline = pipeline
    cfg.model = dict(**tta_model, module=cfg.model)


def _predicts_masks(model: Any) -> bool:
    """Whether a detector has a head for masks."""
    if not isinstance(model, dict):
        return False
    return any(
        (key in _MASK_HEADS and value) or _predicts_masks(value) for key, value in model.items()
    )


def _flip_pipeline(library: str, pipeline: list[dict]) -> list[dict]:
    """The test pipeline with its last step done twice, plain and flipped."""
    *steps, pack = copy.deepcopy(list(pipeline))
    tail = [[pack]]
    if library == 'mmseg':
        # Labels are read after the flip: they stay as they are while predictions are flipped back.
        labels = [step for step in steps if _short_name(step) == 'LoadAnnotations']
        steps = [step for step in steps if step not in labels]
        tail = [[step] for step in labels] + tail
    elif library == 'mmdet':
        # The config's own keys have no use for a flip, and leave it out.
        pack['meta_keys'] = tuple(dict.fromkeys((*pack.get('meta_keys', ()), *_DET_META)))
    flips = [dict(type='RandomFlip', prob=0.0), dict(type='RandomFlip', prob=1.0)]
    if library != 'mmpretrain':
        flips[1]['direction'] = 'horizontal'
    return [*steps, dict(type='TestTimeAug', transforms=[flips, *tail])]


def add_output(cfg: Config, out: str) -> None:
    """Keep the predictions of a test.

    Args:
        cfg: The config, changed in place.
        out: With mmseg's IoUMetric a folder, for one PNG label map an image; otherwise a pickle
            file.
    """
    library = library_of(cfg)
    evaluator = cfg.test_evaluator
    metrics = list(evaluator) if isinstance(evaluator, (list, tuple)) else [evaluator]
    writers = [metric for metric in metrics if _short_name(metric) in _FOLDER_METRICS]
    if writers and not _is_pickle(out):
        writers[0]['output_dir'] = out
        return
    if not _is_pickle(out):
        raise UserError(
            f"--out '{out}': the predictions of this config go to one pickle file, expected a "
            'name that ends in .pkl or .pickle'
        )
    dump = 'mmdet.DumpDetResults' if library == 'mmdet' else 'DumpResults'
    cfg.test_evaluator = [*metrics, dict(type=dump, out_file_path=out)]


def make_output_folder(out: str) -> None:
    """Make the folder of the label maps, in each process.

    mmseg makes it in the first one only, and another may be the first to write.

    Args:
        out: What :func:`add_output` was given.
    """
    if not _is_pickle(out):
        Path(out).mkdir(parents=True, exist_ok=True)


def _is_pickle(out: str) -> bool:
    return out.endswith(('.pkl', '.pickle'))


def set_visualizer(cfg: Config) -> None:
    """Give the config the visualizer of its library, and a fresh one for each run.

    Args:
        cfg: The config, changed in place.
    """
    visualizer: Any = cfg.get('visualizer')
    if not visualizer or _short_name(visualizer) == 'Visualizer':
        visualizer = dict(
            type=_VISUALIZERS[library_of(cfg)], vis_backends=[dict(type='LocalVisBackend')]
        )
        cfg.visualizer = visualizer
    # A name of an earlier run in this process would bring back its visualizer. mmengine's default
    # tells runs apart by the second in which they begin.
    cfg.visualizer.name = f'visualizer_{next(_RUNS)}'


def _short_name(cfg: Any) -> str:
    kind = cfg.get('type', '')
    return kind.rpartition('.')[2] if isinstance(kind, str) else kind.__name__
