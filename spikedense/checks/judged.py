"""What the metrics of a run read, against the data set that they judge."""

from collections.abc import Callable
from typing import Any

from mmcv.transforms import LoadAnnotations
from mmengine.evaluator import DumpResults
from mmengine.fileio import join_path

from spikedense.errors import UserError
from spikedense.utils.wording import some_of

from .judged_coco import Judged, check_judged_coco, without_labels
from .label_maps import has_label_maps
from .parts import absent_files, inner_data_sets, is_local, pipelines, spread, steps_of

_SEGMENTATION = {'IoUMetric', 'CityscapesMetric'}
_CLASSIFICATION = {'Accuracy', 'SingleLabelMetric', 'ConfusionMatrix', 'MultiLabelMetric'}
_CLASSIFICATION |= {'AveragePrecision'}


def check_judged(judged: list[Judged], opened: int | None) -> None:
    """Check the files of metrics, and that there are labels for those that compare.

    Args:
        judged: The metrics of a run, each with the data set that it judges.
        opened: Number of PNGs of panoptic segments to open; None means all.

    Raises:
        UserError: A file does not fit the data set, or labels are missing.
    """
    for one in judged:
        metric, names = one.metric, {cls.__name__ for cls in type(one.metric).__mro__}
        if hasattr(metric, '_coco_api') and hasattr(metric, 'metrics'):
            check_judged_coco(one)
        elif hasattr(metric, 'seg_prefix') and metric.seg_prefix and one.file:
            _check_panoptic(one, opened)
        elif names & _SEGMENTATION and not metric.format_only:
            _check_maps(one)
        elif names & _SEGMENTATION and metric.output_dir is None:
            raise UserError(
                f'{one.key}.format_only=True without {one.key}.output_dir writes nothing, expected '
                'a folder, or --out FOLDER'
            )
        elif names & _CLASSIFICATION:
            _check_labels(one)
    if judged and all(_only_writes(one.metric) for one in judged):
        _read_no_labels(judged[0].dataset)


def _only_writes(metric: Any) -> bool:
    return isinstance(metric, DumpResults) or bool(getattr(metric, 'format_only', False))


def _each(dataset: Any, check: Callable[[Any, dict], str | None], one: Judged) -> None:
    """Refuse data sets without labels."""
    for data in inner_data_sets(dataset):
        fault = check(data, data.get_data_info(0))
        if fault:
            target = 'output_dir'
            hint = f'; {without_labels(one.key, target)}' if hasattr(one.metric, target) else ''
            raise UserError(f'{one.key} compares predictions with labels, but {fault}{hint}')


def _check_maps(one: Judged) -> None:
    _each(one.dataset, _lacks_maps, one)


def _lacks_maps(data: Any, entry: dict) -> str | None:
    name = type(data).__name__
    if not any(_reads_labels(step) for step in steps_of(data)):
        return f'the pipeline of {name} has no LoadAnnotations'
    if not has_label_maps(data):
        return None
    if not entry.get('seg_map_path'):
        return f'{name} has no data_prefix.seg_map_path'
    absent, number = _absent_maps(data)
    if number and len(absent) == number:
        return (
            f"none of the {number} label maps of {name} exists, as '{absent[0]}' "
            f'(data_prefix.seg_map_path, seg_map_suffix={getattr(data, "seg_map_suffix", None)!r})'
        )
    return None


def _reads_labels(step: Any) -> bool:
    # Loaders of other kinds of files, for example of volumes, have no common base.
    return 'Annotation' in type(step).__name__ or bool(getattr(step, 'with_seg', False))


def _absent_maps(data: Any) -> tuple[list[str], int]:
    entries = (data.get_data_info(i) for i in range(len(data)))
    paths = [entry['seg_map_path'] for entry in entries if is_local(entry.get('seg_map_path'))]
    return absent_files(paths), len(paths)


def _check_labels(one: Judged) -> None:
    """Check the labels of images, which mmpretrain's data sets have in their entries."""

    def lacks(data: Any, entry: dict) -> str | None:
        if 'gt_label' in entry or 'gt_score' in entry or 'img_path' not in entry:
            return None
        return f'{type(data).__name__} has no labels'

    _each(one.dataset, lacks, one)


def _read_no_labels(dataset: Any) -> None:
    """Remove the step that reads label maps if there are none and no metric compares."""
    for data in inner_data_sets(dataset):
        if not has_label_maps(data):
            continue
        absent, number = _absent_maps(data)
        if len(absent) < number or (not number and data.get_data_info(0).get('seg_map_path')):
            continue
        for steps in pipelines(data):
            steps[:] = [step for step in steps if not isinstance(step, LoadAnnotations)]


def _check_panoptic(one: Judged, opened: int | None) -> None:
    """Check the file and the PNGs of a panoptic metric, as the metric reads them."""
    entries, files = one.entries(), _pngs(one.metric)
    absent = [entry for entry in entries if entry['img_id'] not in files]
    if absent:
        raise UserError(
            f'{one.said} has no annotation of {len(absent)} of the {len(entries)} images of the '
            f"data set, as image {absent[0]['img_id']} '{absent[0]['img_path']}', expected the "
            'file of the data set'
        )
    if not one.same_file():
        one.refuse_foreign(files, entries)
    paths = [files[entry['img_id']] for entry in entries]
    absent_pngs = absent_files([path for path in paths if is_local(path)])
    if absent_pngs:
        raise UserError(
            f'{len(absent_pngs)} of {len(paths)} PNGs of {one.said} are not in {one.key}.'
            f"seg_prefix='{one.metric.seg_prefix}': {some_of(absent_pngs)}"
        )
    for entry in spread(entries, opened) if hasattr(one.metric, 'true_segments') else ():
        try:
            one.metric.true_segments(entry['img_id'])
        except (ValueError, AttributeError) as exc:
            # mmcv returns nothing for a file that is no image.
            png = files[entry['img_id']]
            reason = exc if isinstance(exc, ValueError) else f"'{png}' is no image"
            raise UserError(f'{one.key}: {reason}') from exc


def _pngs(metric: Any) -> dict[Any, str]:
    """Return the PNG of each image of a panoptic metric, of this package or of mmdet."""
    if hasattr(metric, 'true_files'):
        return metric.true_files
    images = metric._coco_api.imgs.items()
    return {number: join_path(metric.seg_prefix, image['segm_file']) for number, image in images}
