"""The COCO file that a metric reads, against the data set that it judges."""

import filecmp
import os
from collections.abc import Sequence
from dataclasses import dataclass
from logging import INFO, WARNING
from typing import Any

from mmengine.logging import print_log

from spikedense.errors import UserError

from .coco import check_coco
from .coco_findings import CocoUse
from .parts import inner_data_sets, steps_of


@dataclass(frozen=True)
class Judged:
    """A metric with the data set that it judges.

    Args:
        key: Key of the metric in the config, for example ``test_evaluator``.
        metric: The metric.
        file: Its ``ann_file``, or None.
        dataset: The data set.
        num_labels: Number of labels that the model may predict.
    """

    key: str
    metric: Any
    file: str | None
    dataset: Any
    num_labels: int = 0

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes of the data set."""
        return getattr(self.dataset, 'metainfo', {}).get('classes') or ()

    @property
    def said(self) -> str:
        """The key of the file with the file."""
        return f"{self.key}.ann_file='{self.file}'"

    def same_file(self) -> bool:
        """Tell whether the data set reads the file of the metric, or one with the same content."""
        sets = inner_data_sets(self.dataset)
        mine = getattr(sets[0], 'ann_file', None)
        if len(sets) > 1 or not mine or not self.file:
            return False
        if os.path.realpath(mine) == os.path.realpath(self.file):
            return True
        both = os.path.isfile(mine) and os.path.isfile(self.file)
        return both and filecmp.cmp(mine, self.file, shallow=False)

    def entries(self) -> list[dict]:
        """Return the entries of the data set."""
        sets = inner_data_sets(self.dataset)
        return [data.get_data_info(i) for data in sets for i in range(len(data))]

    def refuse_foreign(self, names: dict[Any, str], entries: list[dict]) -> None:
        """Refuse images of the data set that the file of the metric does not have.

        Args:
            names: Image id -> name of the image in the file of the metric.
            entries: The entries of the data set.

        Raises:
            UserError: An image is not in the file, or has another name there.
        """
        files = ', '.join(
            repr(str(getattr(data, 'ann_file', ''))) for data in inner_data_sets(self.dataset)
        )
        absent = [entry for entry in entries if entry['img_id'] not in names]
        if absent:
            raise UserError(
                f'{self.said} lacks {len(absent)} of the {len(entries)} images that the data set '
                f"reads from {files}, as image {absent[0]['img_id']} '{absent[0]['img_path']}', "
                'expected the file of the data set'
            )
        for entry in entries:
            here, there = _stem(entry['img_path']), _stem(names[entry['img_id']])
            if here != there:
                raise UserError(
                    f"{self.said} names image {entry['img_id']} '{names[entry['img_id']]}', the "
                    f"data set reads '{entry['img_path']}' from {files}, expected the file of the "
                    'data set'
                )


def check_judged_coco(judged: Judged) -> None:
    """Check the file of a metric like mmdet's ``CocoMetric``, and complete it in memory.

    Args:
        judged: The metric with its data set. The metric has read its file.

    Raises:
        UserError: The file does not fit the data set or the metric.
    """
    metric, api = judged.metric, judged.metric._coco_api
    if api is None:
        # A subclass may read its file in another way.
        if judged.file is None:
            _check_instances(judged)
        return
    if getattr(metric, 'format_only', False):
        _complete_categories(judged)
        return
    if not api.dataset.get('annotations'):
        raise UserError(
            f'{judged.said} has no annotations, so that nothing can be judged, expected a file '
            f'with labels; {without_labels(judged.key, "outfile_prefix")}'
        )
    same = judged.same_file()
    if not same or 'segm' in metric.metrics:
        use = CocoUse(
            judged.file or judged.key,
            tuple(judged.classes),
            masks='segm' in metric.metrics,
            test_mode=True,
            judged=True,
        )
        check_coco(api.dataset, use)
    _complete_annotations(judged)
    _complete_categories(judged)
    _compare_images(judged, same)


def without_labels(key: str, target: str) -> str:
    """Return what to do with a test set without labels.

    Args:
        key: Key of the metric.
        target: The argument of the metric that names where predictions are written.
    """
    return (
        f'for predictions without labels set {key}.format_only=True and give '
        f'{key}.{target} or --out'
    )


def _stem(path: str) -> str:
    return os.path.splitext(os.path.basename(path))[0]


def _check_instances(judged: Judged) -> None:
    """Check that the pipeline packs labels for a metric without a file."""
    for data in inner_data_sets(judged.dataset):
        keys = [step.meta_keys for step in steps_of(data) if hasattr(step, 'meta_keys')]
        if keys and not any('instances' in names for names in keys):
            raise UserError(
                f'{judged.key} has no ann_file, and the pipeline of {type(data).__name__} does not '
                "pack the labels, expected ann_file or 'instances' in meta_keys of PackDetInputs"
            )


def _complete_annotations(judged: Judged) -> None:
    """Give annotations what pycocotools reads: ``iscrowd``, and ids that are numbers, not 0."""
    api = judged.metric._coco_api
    annotations = list(api.anns.values())
    lacking = [ann for ann in annotations if not ann.get('iscrowd')]
    number = sum('iscrowd' not in ann for ann in lacking)
    for ann in lacking:
        ann['iscrowd'] = 0
    if number:
        _say(f'{judged.said}: {number} annotations have no iscrowd, 0 is taken', INFO)
    if any(isinstance(ann['id'], str) or not ann['id'] for ann in annotations):
        # pycocotools writes the id of a found annotation where 0 means that none was found.
        for i, ann in enumerate(annotations, 1):
            ann['id'] = i
        api.anns = {ann['id']: ann for ann in annotations}
        _say(
            f'{judged.said}: an annotation has the id 0 or a text as its id, which the metric '
            'cannot count, so that annotations are numbered from 1',
            INFO,
        )


def _complete_categories(judged: Judged) -> None:
    """Compare the labels, and add categories for labels that the file lacks."""
    api, classes = judged.metric._coco_api, list(judged.classes)
    ids = api.get_cat_ids(cat_names=classes)
    for i, (number, name) in enumerate(zip(ids, classes, strict=False)):
        found = api.cats[number]['name']
        if found != name:
            raise UserError(
                f'{judged.said} has category {number} {found!r} for label {i}, which in '
                f'metainfo.classes is {name!r}, expected the classes in the order of the file'
            )
    free = max((c for c in api.cats if isinstance(c, int)), default=0) + 1
    for i in range(len(ids), max(judged.num_labels, len(classes))):
        # A prediction of a label without a category would end the test. No annotation has the
        # category, so the metric leaves it out of the mean.
        name = classes[i] if i < len(classes) else f'label {i}'
        api.cats[free] = dict(id=free, name=name)
        api.dataset['categories'].append(api.cats[free])
        ids.append(free)
        free += 1
    judged.metric.cat_ids = ids


def _compare_images(judged: Judged, same: bool) -> None:
    api = judged.metric._coco_api
    if same and len(judged.dataset) == len(api.imgs):
        return
    entries = judged.entries()
    if not same:
        judged.refuse_foreign({i: image['file_name'] for i, image in api.imgs.items()}, entries)
        # The boxes of panoptic segments are not those of instances, which may overlap.
        if all(getattr(data, 'ANN_ID_UNIQUE', False) for data in inner_data_sets(judged.dataset)):
            _compare_boxes(judged, entries)
    ids = list(dict.fromkeys(entry['img_id'] for entry in entries))
    if len(ids) == len(api.imgs):
        return
    more = f'{len(api.imgs) - len(ids)} of {len(api.imgs)} images of {judged.said}'
    if not same:
        raise UserError(f'{more} are not in the data set, expected the file of the data set')
    # Images without predictions would count as missed.
    judged.metric.img_ids = ids
    _say(f'{more} are not in the data set, and are not judged', WARNING)


def _compare_boxes(judged: Judged, entries: list[dict]) -> None:
    """Compare the boxes of two files of the same images."""
    api, found = judged.metric._coco_api, 0
    for entry in entries:
        mine = {tuple(x['bbox']) for x in entry.get('instances', ()) if 'bbox' in x}
        boxes = [ann['bbox'] for ann in api.imgToAnns.get(entry['img_id'], ())]
        theirs = {(x, y, x + w, y + h) for x, y, w, h in boxes}
        found += len(mine)
        if not mine <= theirs:
            raise UserError(
                f"{judged.said} has other boxes of '{entry['img_path']}' than the file of the data "
                'set, expected the file of the data set'
            )
    if found:
        _say(
            f'{judged.said} is another file than that of the data set, of the same images', WARNING
        )


def _say(line: str, level: int) -> None:
    print_log(line, logger='current', level=level)
