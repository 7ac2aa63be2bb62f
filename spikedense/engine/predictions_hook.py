"""The predictions of a test in a compact form, and the differences of two tests."""

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from torch import Tensor

#: Largest difference of the same detection: in pixels of a side, and of the score.
_PIXELS, _SCORE = 1e-2, 1e-4


@dataclass
class ImagePrediction:
    """What a model predicts for an image.

    Attributes:
        image: Path of the image, or its number in the test.
        labels: Label map of a segmentor or a panoptic model, or the class of the image; compressed.
        boxes: ``[N, 4]`` of a detector; None for other models.
        scores: ``[N]``.
        kinds: Label and digest of the mask of each box, ``[N]``.
    """

    image: str
    labels: bytes = b''
    boxes: np.ndarray | None = None
    scores: np.ndarray = field(default_factory=lambda: np.zeros(0))
    kinds: np.ndarray = field(default_factory=lambda: np.zeros(0, object))

    def difference(self, other: 'ImagePrediction') -> str | None:
        """Return what differs, for the user; None if nothing does.

        Args:
            other: The prediction of another model for the same image.
        """
        found = [self._pixels(other), self._instances(other)]
        return ', '.join(part for part in found if part) or None

    def _pixels(self, other: 'ImagePrediction') -> str | None:
        if self.labels == other.labels:
            return None
        mine, theirs = (np.frombuffer(zlib.decompress(x.labels), np.int32) for x in (self, other))
        if len(mine) != len(theirs):
            return f'{len(mine)} and {len(theirs)} labels'
        return f'{int((mine != theirs).sum())} of {len(mine)} labels'

    def _instances(self, other: 'ImagePrediction') -> str | None:
        if self.boxes is None or other.boxes is None:
            return None
        left = list(range(len(other.boxes)))
        lost = 0
        for box, score, kind in zip(self.boxes, self.scores, self.kinds, strict=True):
            same = next(
                (
                    i
                    for i in left
                    if kind == other.kinds[i]
                    and abs(score - other.scores[i]) <= _SCORE
                    and np.abs(box - other.boxes[i]).max() <= _PIXELS
                ),
                None,
            )
            if same is None:
                lost += 1
            else:
                left.remove(same)
        lost = max(lost, len(left))
        return f'{lost} of {max(len(self.boxes), len(other.boxes))} detections' if lost else None


class PredictionsHook(Hook):
    """Keep what the model predicts in a test.

    Attributes:
        predictions: A prediction for each image, in the order of the test.
    """

    def __init__(self) -> None:
        self.predictions: list[ImagePrediction] = []

    def after_test_iter(
        self,
        runner: Any,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[Any] | None = None,
    ) -> None:
        """Keep the predictions of a batch.

        Args:
            runner: Not read.
            batch_idx: Not read.
            data_batch: Not read.
            outputs: The data samples of the model.
        """
        for sample in outputs or ():
            name = sample.get('img_path') or f'image {len(self.predictions)}'
            self.predictions.append(_compact(sample, str(name)))


def _compact(sample: Any, name: str) -> ImagePrediction:
    found = ImagePrediction(name)
    maps = [
        sample.get('pred_sem_seg', {}).get('data'),
        sample.get('pred_panoptic_seg', {}).get('sem_seg'),
        sample.get('pred_label'),
    ]
    labels = [_array(x).astype(np.int32).ravel() for x in maps if x is not None]
    if labels:
        found.labels = zlib.compress(np.concatenate(labels).tobytes(), 1)
    if 'pred_instances' in sample:
        instances = sample.pred_instances
        masks = instances.get('masks')
        found.boxes = _array(instances.bboxes)
        found.scores = _array(instances.scores)
        found.kinds = np.empty(len(found.scores), object)
        for i, label in enumerate(_array(instances.labels)):
            mask = b'' if masks is None else np.packbits(_array(masks[i]).astype(bool)).tobytes()
            found.kinds[i] = (int(label), hashlib.sha256(mask).digest())
    return found


def _array(x: Any) -> np.ndarray:
    return x.detach().cpu().numpy() if isinstance(x, Tensor) else np.asarray(x)
