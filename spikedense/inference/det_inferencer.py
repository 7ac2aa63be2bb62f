"""Detection, instance and panoptic segmentation of images, one line from a config and weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmdet.apis import DetInferencer as _DetInferencer
from mmdet.evaluation import INSTANCE_OFFSET
from mmdet.structures import DetDataSample
from mmdet.structures.mask import encode_mask_results

from .inferencer import Inferencer
from .inputs import InputImage
from .outputs import OutputFolder

#: A mask as in COCO's result files: ``{'size': [H, W], 'counts': '...'}``.
Mask = dict[str, Any]


@dataclass(frozen=True)
class Instance:
    """An object that was found.

    Args:
        label: Index of its class.
        class_name: Name of its class.
        score: How sure the model is, from 0 to 1.
        box: Left, top, right and bottom, in pixels of the image.
        mask: Its pixels, None where the model gives boxes alone.
    """

    label: int
    class_name: str
    score: float
    box: list[float]
    mask: Mask | None = None


@dataclass(frozen=True)
class Segment:
    """A segment of a panoptic prediction; no two of them overlap.

    Args:
        label: Index of its class.
        class_name: Name of its class.
        is_thing: Whether it is one object, or all that there is of a kind of stuff.
        area: Number of its pixels.
        mask: Its pixels.
    """

    label: int
    class_name: str
    is_thing: bool
    area: int
    mask: Mask


@dataclass(frozen=True)
class DetPrediction:
    """What was found in an image.

    Args:
        name: Name of the image's files.
        path: Path of the image, None for an array.
        size: Height and width of the image.
        instances: Objects whose score reached the threshold; None where the model gives none.
        segments: The panoptic segments; None where the model gives none.
    """

    name: str
    path: str | None
    size: tuple[int, int]
    instances: list[Instance] | None
    segments: list[Segment] | None


class DetInferencer(Inferencer[DetPrediction], _DetInferencer):
    """Detects objects with a model of mmdet; see :class:`Inferencer`.

    A call takes ``score_thr``: instances below it are left out of what is returned, written and
    drawn. Panoptic segments have passed the thresholds of the model's ``test_cfg``.

    Example:
        >>> infer = DetInferencer('CONFIG', 'iter_680.pth')
        >>> infer('street.png', out_dir='out', score_thr=0.5)[0].instances
    """

    library = 'mmdet'
    options = {'score_thr': 0.3}

    def prediction(
        self, image: InputImage, sample: DetDataSample, **options: float
    ) -> DetPrediction:
        found = _above(sample, options['score_thr'])
        return DetPrediction(
            name=image.name,
            path=image.path,
            size=tuple(sample.ori_shape[:2]),
            instances=self._instances(found) if 'pred_instances' in sample else None,
            segments=self._segments(sample) if 'pred_panoptic_seg' in sample else None,
        )

    def _instances(self, sample: DetDataSample) -> list[Instance]:
        # mmdet's own conversion would ask for panopticapi.
        alone = DetDataSample(pred_instances=sample.pred_instances)
        plain = self.pred2dict(alone)
        masks: Sequence[Mask | None] = plain.get('masks') or [None] * len(plain['labels'])
        return [
            Instance(label, self.classes[label], score, box, mask)
            for label, score, box, mask in zip(
                plain['labels'], plain['scores'], plain['bboxes'], masks, strict=True
            )
        ]

    def _segments(self, sample: DetDataSample) -> list[Segment]:
        ids = sample.pred_panoptic_seg.sem_seg[0].cpu().numpy()  # [H, W]
        things = self.model.dataset_meta.get('thing_classes', ())
        segments = []
        for number in _segment_ids(ids, len(self.classes)):
            mask = ids == number
            name = self.classes[number % INSTANCE_OFFSET]
            (encoded,) = encode_mask_results([mask])
            segments.append(
                Segment(
                    label=number % INSTANCE_OFFSET,
                    class_name=name,
                    is_thing=name in things,
                    area=int(mask.sum()),
                    mask={**encoded, 'counts': encoded['counts'].decode()},
                )
            )
        return segments

    def draw(self, image: np.ndarray, sample: DetDataSample, **options: float) -> np.ndarray:
        drawn = DetDataSample()
        if 'pred_panoptic_seg' in sample:
            # Instances below it would be two pictures in one. All void, mmdet cannot draw it.
            ids = sample.pred_panoptic_seg.sem_seg[0].cpu().numpy()
            if _segment_ids(ids, len(self.classes)):
                drawn.pred_panoptic_seg = sample.pred_panoptic_seg
        else:
            drawn.pred_instances = _above(sample, options['score_thr']).pred_instances
            if 'masks' in drawn.pred_instances:
                seen = drawn.pred_instances.masks.flatten(1).any(1)
                drawn.pred_instances = drawn.pred_instances[seen]
        self.visualizer.add_datasample('overlay', image, drawn, draw_gt=False, pred_score_thr=-1.0)
        return self.visualizer.get_image()

    def write(self, prediction: DetPrediction, folder: OutputFolder) -> None:
        height, width = prediction.size
        content: dict[str, Any] = {'image': prediction.path, 'height': height, 'width': width}
        if prediction.instances is not None:
            content['instances'] = [_plain(instance) for instance in prediction.instances]
        if prediction.segments is not None:
            content['segments'] = [_plain(segment) for segment in prediction.segments]
        folder.write_json(f'predictions/{prediction.name}.json', content)


def _above(sample: DetDataSample, score_thr: float) -> DetDataSample:
    """The instances whose score reaches a threshold."""
    kept = DetDataSample()
    if 'pred_instances' in sample:
        kept.pred_instances = sample.pred_instances[sample.pred_instances.scores >= score_thr]
    return kept


def _segment_ids(ids: np.ndarray, num_classes: int) -> list[int]:
    """The segments of mmdet's panoptic map, whose void is the number of classes."""
    return [int(i) for i in np.unique(ids) if i % INSTANCE_OFFSET != num_classes]


def _plain(found: Instance | Segment) -> dict[str, Any]:
    """As JSON has it: ``class`` is no name of a field in Python."""
    fields = {key: value for key, value in vars(found).items() if value is not None}
    return {'class' if key == 'class_name' else key: value for key, value in fields.items()}
