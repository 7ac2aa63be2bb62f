"""Panoptic quality: the matches of predicted and true segments, and their quality."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

VOID = 0


@dataclass(frozen=True)
class Segments:
    """The segments of an image.

    Args:
        ids: Id of the segment of each pixel, ``[H, W]``, not negative; 0 is void.
        classes: Id of each segment -> index of its class.
        crowd: Ids of segments that contain several instances of a class.

    Raises:
        ValueError: A segment has no pixel or no class.
    """

    ids: np.ndarray
    classes: Mapping[int, int]
    crowd: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        found = set(np.unique(self.ids).tolist()) - {VOID}
        if found != set(self.classes):
            raise ValueError(
                f'segments {sorted(found - set(self.classes))} have pixels and no class, segments '
                f'{sorted(set(self.classes) - found)} a class and no pixel; expected a class for '
                'each segment of the map, and no other'
            )


def count_matches(predicted: Segments, true: Segments, num_classes: int) -> np.ndarray:
    r"""Match the segments of an image (Kirillov et al., Panoptic Segmentation, section 4).

    A predicted and a true segment of one class match if their IoU is above one half, so a segment
    has one match at most. Unions are counted without void pixels. A prediction without a match is a
    false positive, unless more than half of its pixels are void or crowd of its class. A crowd
    without a match is no false negative.

    Args:
        predicted: The predicted segments.
        true: The segments of the ground truth.
        num_classes: Number of classes.

    Returns:
        Sum of IoUs, true positives, false positives and false negatives, ``[num_classes, 4]``.

    Raises:
        ValueError: The two maps have different shapes.
    """
    if predicted.ids.shape != true.ids.shape:
        raise ValueError(
            f'the prediction has {predicted.ids.shape} pixels, the ground truth {true.ids.shape}'
        )
    counts = np.zeros((num_classes, 4))
    pairs = np.stack([predicted.ids.ravel(), true.ids.ravel()])
    pairs, areas = np.unique(pairs, axis=1, return_counts=True)
    overlap = {(p, t): area for (p, t), area in zip(pairs.T.tolist(), areas, strict=True)}
    predicted_area, true_area = _areas(predicted.ids), _areas(true.ids)

    matched: set[tuple[int, int]] = set()
    for (p, t), area in overlap.items():
        if VOID in (p, t) or t in true.crowd or predicted.classes[p] != true.classes[t]:
            continue
        union = predicted_area[p] + true_area[t] - area - overlap.get((p, VOID), 0)
        if area / union > 0.5:
            counts[true.classes[t], :2] += area / union, 1
            matched.add((p, t))
    for p in set(predicted.classes) - {p for p, _ in matched}:
        ignored = [t for t in true.crowd if true.classes[t] == predicted.classes[p]] + [VOID]
        if sum(overlap.get((p, t), 0) for t in ignored) / predicted_area[p] <= 0.5:
            counts[predicted.classes[p], 2] += 1
    for t in set(true.classes) - true.crowd - {t for _, t in matched}:
        counts[true.classes[t], 3] += 1
    return counts


def _areas(ids: np.ndarray) -> dict[int, int]:
    """Count the pixels of each segment."""
    values, areas = np.unique(ids, return_counts=True)
    return dict(zip(values.tolist(), areas.tolist(), strict=True))


def class_qualities(counts: np.ndarray) -> dict[str, np.ndarray]:
    r"""Compute the qualities of each class.

    .. math::
        PQ = \frac{\sum IoU}{TP + FP/2 + FN/2} = SQ \cdot RQ, \qquad SQ = \frac{\sum IoU}{TP}

    Args:
        counts: ``[num_classes, 4]``, see :func:`count_matches`, summed over images.

    Returns:
        ``pq``, ``sq`` and ``rq`` from 0 to 1, ``[num_classes]``; NaN for a class that is in
        neither prediction nor ground truth.
    """
    iou, tp, fp, fn = counts.T
    total = tp + fp / 2 + fn / 2
    with np.errstate(invalid='ignore'):
        sq = np.where(total > 0, iou / np.maximum(tp, 1), np.nan)
        return dict(pq=iou / total, sq=sq, rq=tp / total)
