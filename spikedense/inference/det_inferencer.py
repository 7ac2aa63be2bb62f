"""Detection, instance and panoptic segmentation of images with a model of mmdet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mmdet.apis import DetInferencer as _DetInferencer
from mmdet.evaluation import INSTANCE_OFFSET
from mmdet.structures import DetDataSample
from mmdet.structures.mask import encode_mask_results

from spikedense.visualization.det_samples import drawn_prediction, segment_ids, visible

from .inferencer import Inferencer
from .inputs import InputImage
from .outputs import OutputFolder

#: A mask as in COCO's result files: ``{'size': [H, W], 'counts': '...'}``.
Mask = dict[str, Any]


@dataclass(frozen=True)
class Instance:
    """An object in an image.

    Args:
        label: Index of the class.
        class_name: Name of the class.
        score: Confidence of the model, from 0 to 1.
        box: Left, top, right and bottom, in pixels of the image.
        mask: The pixels of the object; None if the model predicts boxes only.
    """

    label: int
    class_name: str
    score: float
    box: list[float]
    mask: Mask | None = None


@dataclass(frozen=True)
class Segment:
    """A segment of a panoptic prediction. Segments do not overlap.

    Args:
        label: Index of the class.
        class_name: Name of the class.
        is_thing: Whether the segment is one object, or all pixels of a class of stuff.
        area: Number of pixels.
        mask: The pixels of the segment.
    """

    label: int
    class_name: str
    is_thing: bool
    area: int
    mask: Mask


@dataclass(frozen=True)
class DetPrediction:
    """The objects or segments in an image.

    Args:
        name: Name of the output files of the image, without suffix.
        path: Path of the image; None for an array.
        size: Height and width of the image.
        instances: Objects whose score reaches the threshold and whose mask is not empty; None if
            the model predicts none.
        segments: The panoptic segments; None if the model is not panoptic.
    """

    name: str
    path: str | None
    size: tuple[int, int]
    instances: list[Instance] | None
    segments: list[Segment] | None


class DetInferencer(Inferencer[DetPrediction], _DetInferencer):
    """Detect objects with a model of mmdet; see :class:`Inferencer`.

    The option ``score_thr`` of a call is the lowest score of an instance that is returned, written
    or drawn. It does not concern panoptic segments, which have thresholds in the ``test_cfg`` of
    the model.

    Example:
        >>> infer = DetInferencer('CONFIG', 'iter_680.pth')
        >>> infer('street.png', out_dir='out', score_thr=0.5)[0].instances
    """

    library = 'mmdet'
    options = {'score_thr': 0.3}

    def prediction(
        self, image: InputImage, sample: DetDataSample, **options: float
    ) -> DetPrediction:
        """See :meth:`Inferencer.prediction`."""
        found = DetDataSample()
        if 'pred_instances' in sample:
            found.pred_instances = visible(sample.pred_instances, options['score_thr'])
        return DetPrediction(
            name=image.name,
            path=image.path,
            size=tuple(sample.ori_shape[:2]),
            instances=self._instances(found) if 'pred_instances' in sample else None,
            segments=self._segments(sample) if 'pred_panoptic_seg' in sample else None,
        )

    def _instances(self, sample: DetDataSample) -> list[Instance]:
        # The conversion of the whole sample by mmdet needs panopticapi.
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
        for number in segment_ids(ids, len(self.classes)):
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
        """See :meth:`Inferencer.draw`."""
        drawn = drawn_prediction(sample, len(self.classes), options['score_thr'])
        self.visualizer.add_datasample('overlay', image, drawn, draw_gt=False, pred_score_thr=-1.0)
        return self.visualizer.get_image()

    def write(self, prediction: DetPrediction, folder: OutputFolder) -> None:
        """See :meth:`Inferencer.write`."""
        height, width = prediction.size
        content: dict[str, Any] = {'image': prediction.path, 'height': height, 'width': width}
        if prediction.instances is not None:
            content['instances'] = [_plain(instance) for instance in prediction.instances]
        if prediction.segments is not None:
            content['segments'] = [_plain(segment) for segment in prediction.segments]
        folder.write_json(f'predictions/{prediction.name}.json', content)


def _plain(found: Instance | Segment) -> dict[str, Any]:
    """Return an object for JSON, with the key ``class``, which is no name of a field in Python."""
    fields = {key: value for key, value in vars(found).items() if value is not None}
    return {'class' if key == 'class_name' else key: value for key, value in fields.items()}
