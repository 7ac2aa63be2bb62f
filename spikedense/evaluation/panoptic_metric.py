"""Panoptic quality as a metric of mmdet, without the package panopticapi."""

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import mmcv
import numpy as np
from mmdet.evaluation import INSTANCE_OFFSET
from mmdet.evaluation.metrics.coco_panoptic_metric import parse_pq_results, print_panoptic_table
from mmengine.evaluator import BaseMetric
from mmengine.fileio import get, join_path, load
from mmengine.logging import MMLogger

from spikedense.datasets.panoptic import segment_ids
from spikedense.registry import METRICS

from .panoptic_quality import VOID, Segments, class_qualities, count_matches


@METRICS.register_module()
class PanopticMetric(BaseMetric):
    """PQ, SQ and RQ of all classes, of things and of stuff, in percent.

    The numbers are the same as those of mmdet's ``CocoPanopticMetric``. That metric needs
    panopticapi, which is in no package index. This metric writes no files.

    Args:
        ann_file: The ground truth, a panoptic JSON of COCO.
        seg_prefix: Folder of the ground-truth PNGs.
        classwise: Whether to print a table of the classes too.
        backend_args: Storage of the files; see the file clients of mmengine.
        collect_device: Device that gathers results of several processes, ``'cpu'`` or ``'gpu'``.
        prefix: Prefix of the names of the metrics.

    Raises:
        ValueError: The file is no panoptic JSON.
    """

    default_prefix = 'coco_panoptic'

    def __init__(
        self,
        ann_file: str,
        seg_prefix: str,
        classwise: bool = False,
        backend_args: dict[str, Any] | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.ann_file = ann_file
        self.seg_prefix = seg_prefix
        self.classwise = classwise
        self.backend_args = backend_args
        content = load(ann_file, file_format='json', backend_args=backend_args)
        annotations = content.get('annotations') if isinstance(content, dict) else None
        if not annotations or 'segments_info' not in annotations[0]:
            raise ValueError(
                f"ann_file {ann_file!r} has no annotations with 'segments_info', expected COCO's "
                'panoptic JSON'
            )
        self._annotations = {a['image_id']: a for a in annotations}
        self._names = {c['id']: c['name'] for c in content['categories']}

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Count the matches of a batch.

        Args:
            data_batch: Not read.
            data_samples: ``img_id`` and ``pred_panoptic_seg``. ``sem_seg`` of
                ``pred_panoptic_seg``, ``[1, H, W]``, is class index + instance * 1000; void is the
                number of classes.

        Raises:
            ValueError: The prediction or the ground truth of an image is not consistent.
        """
        num_classes = len(self.dataset_meta['classes'])
        for sample in data_samples:
            prediction = sample['pred_panoptic_seg']
            segments = _predicted(
                np.asarray(prediction['sem_seg'].cpu())[0],
                {num_classes, prediction.get('ignore_index', num_classes)},
            )
            true = self.true_segments(sample['img_id'])
            try:
                self.results.append(count_matches(segments, true, num_classes))
            except ValueError as error:
                raise ValueError(f'image {sample["img_id"]} of {self.ann_file}: {error}') from error

    @property
    def true_files(self) -> dict[Any, str]:
        """Id of each image of the ground truth -> path of its PNG."""
        return {
            number: join_path(self.seg_prefix, annotation['file_name'])
            for number, annotation in self._annotations.items()
        }

    def true_segments(self, image_id: int) -> Segments:
        """Read the ground truth of an image.

        Args:
            image_id: Id of the image.

        Returns:
            The segments.

        Raises:
            ValueError: The PNG and the annotation of the image do not fit, or a category is no
                class of the data set.
        """
        if image_id not in self._annotations:
            raise ValueError(f'{self.ann_file} has no annotation of image {image_id}')
        annotation = self._annotations[image_id]
        path = join_path(self.seg_prefix, annotation['file_name'])
        png = mmcv.imfrombytes(
            get(path, backend_args=self.backend_args), flag='color', channel_order='rgb'
        )
        infos = annotation['segments_info']
        try:
            return Segments(
                segment_ids(png),
                {info['id']: self._class_index(info['category_id']) for info in infos},
                frozenset(info['id'] for info in infos if info.get('iscrowd')),
            )
        except ValueError as error:
            raise ValueError(f'{path} and {PurePath(self.ann_file).name}: {error}') from error

    def _class_index(self, category: int) -> int:
        """Return the class index of a category of the annotations."""
        classes = self.dataset_meta['classes']
        name = self._names.get(category)
        if name not in classes:
            raise ValueError(
                f'category {category} ({name!r}) is none of the {len(classes)} classes of the '
                'data set'
            )
        return classes.index(name)

    def compute_metrics(self, results: list[np.ndarray]) -> dict[str, float]:
        """Average over the classes that occur.

        Args:
            results: Counts of each image, ``[num_classes, 4]``.

        Returns:
            ``PQ``, ``SQ``, ``RQ``, and the same with ``_th`` and ``_st``, in percent.
        """
        classes = self.dataset_meta['classes']
        is_thing = np.isin(classes, self.dataset_meta['thing_classes'])
        qualities = class_qualities(np.sum(results, axis=0))
        occurs = ~np.isnan(qualities['pq'])
        groups = dict(All=occurs, Things=occurs & is_thing, Stuff=occurs & ~is_thing)
        table = {
            group: {
                **{
                    key: values[mask].mean() if mask.any() else np.nan
                    for key, values in qualities.items()
                },
                'n': int(mask.sum()),
            }
            for group, mask in groups.items()
        }
        by_class = {
            name: {key: values[i] for key, values in qualities.items()}
            for i, name in enumerate(classes)
        }
        print_panoptic_table(
            table, by_class if self.classwise else None, logger=MMLogger.get_current_instance()
        )
        return parse_pq_results(table)


def _predicted(labels: np.ndarray, void: set[int]) -> Segments:
    """Return the segments of mmdet's panoptic map. Ids are increased by 1, because 0 is a class."""
    ids = np.where(np.isin(labels % INSTANCE_OFFSET, list(void)), VOID, labels + 1)
    classes = {int(i): int(i - 1) % INSTANCE_OFFSET for i in np.unique(ids) if i != VOID}
    return Segments(ids, classes)
