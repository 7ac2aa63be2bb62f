"""Panoptic quality: by hand, and against mmdet's own counting."""

from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from mmdet.evaluation.functional import panoptic_utils
from PIL import Image

from spikedense.datasets.panoptic import segment_ids
from spikedense.evaluation.panoptic_quality import Segments, class_qualities, count_matches

NUM_CLASSES = 4


def random_segments(rng: np.random.Generator, base: np.ndarray, crowds: int) -> Segments:
    """Segments that partly follow a map: some merged, some torn, classes often the same."""
    ids = rng.permutation(200)[base] + 1
    noise = rng.random(base.shape) < 0.2
    ids = np.where(noise, rng.integers(0, 6, base.shape) + 300, ids)
    ids[rng.random(base.shape) < 0.1] = 0
    found = [i for i in np.unique(ids).tolist() if i]
    return Segments(
        ids, {i: int(rng.integers(NUM_CLASSES)) for i in found}, frozenset(found[:crowds])
    )


class Stat(defaultdict):
    """What mmdet's counting expects of panopticapi's class: counters by category."""

    def __init__(self) -> None:
        super().__init__(lambda: SimpleNamespace(iou=0.0, tp=0, fp=0, fn=0))


def mmdet_counts(
    predicted: Segments, true: Segments, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> np.ndarray:
    """The counts of mmdet, which reads PNGs and needs three names of panopticapi."""
    monkeypatch.setattr(panoptic_utils, 'PQStat', Stat)
    monkeypatch.setattr(panoptic_utils, 'rgb2id', segment_ids)
    entries = []
    for name, segments in (('true', true), ('predicted', predicted)):
        (folder / name).mkdir()
        rgb = np.stack([segments.ids // 256**i % 256 for i in range(3)], axis=-1)
        Image.fromarray(rgb.astype(np.uint8)).save(folder / name / 'x.png')
        infos = [
            dict(
                id=i,
                category_id=c,
                area=int((segments.ids == i).sum()),
                iscrowd=int(i in segments.crowd),
            )
            for i, c in segments.classes.items()
        ]
        entries.append(dict(image_id=1, file_name='x.png', segments_info=infos))
    stat = panoptic_utils.pq_compute_single_core(
        0,
        [tuple(entries)],
        str(folder / 'true'),
        str(folder / 'predicted'),
        {c: {} for c in range(NUM_CLASSES)},
    )
    rows = [stat[c] for c in range(NUM_CLASSES)]
    return np.array([[row.iou, row.tp, row.fp, row.fn] for row in rows])


@pytest.mark.parametrize('seed', range(6))
def test_counts_are_those_of_mmdet(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(seed)
    base = np.kron(rng.integers(0, 12, (4, 5)), np.ones((8, 8), dtype=int))
    true = random_segments(rng, base, crowds=seed % 3)
    predicted = random_segments(rng, base, crowds=0)
    expected = mmdet_counts(predicted, true, tmp_path, monkeypatch)
    np.testing.assert_allclose(count_matches(predicted, true, NUM_CLASSES), expected)
    assert expected[:, 2:].sum() > 0


def test_matching_segments_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    ids = np.kron(rng.permutation(20).reshape(4, 5) + 1, np.ones((6, 6), dtype=int))
    classes = {i: i % NUM_CLASSES for i in range(1, 21)}
    moved = np.roll(ids, 1, axis=1) + 50
    predicted = Segments(moved, {i + 50: c for i, c in classes.items()})
    true = Segments(ids, classes, frozenset({7}))
    counts = count_matches(predicted, true, NUM_CLASSES)
    # A sixth of each square is missed: 5/7 overlap. Nothing can match the crowd.
    assert counts[:, 1].sum() == 19
    np.testing.assert_allclose(counts[:, 0].sum(), 19 * 5 / 7)
    np.testing.assert_allclose(counts, mmdet_counts(predicted, true, tmp_path, monkeypatch))


def test_void_pixels_and_crowds_excuse_a_prediction() -> None:
    true = Segments(np.array([[0, 0, 0, 1], [2, 2, 2, 1]]), {1: 0, 2: 1}, frozenset({2}))
    predicted = Segments(np.array([[5, 5, 5, 5], [6, 6, 6, 7]]), {5: 2, 6: 1, 7: 1})
    counts = count_matches(predicted, true, 3)
    # 5 lies on void, 6 on the crowd of its class, 7 on segment 1, which is missed.
    assert counts.tolist() == [[0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_qualities() -> None:
    counts = np.array([[1.6, 2, 1, 1], [0, 0, 0, 3], [0, 0, 0, 0]])
    found = class_qualities(counts)
    np.testing.assert_allclose(found['pq'], [1.6 / 3, 0, np.nan])
    np.testing.assert_allclose(found['sq'], [0.8, 0, np.nan])
    np.testing.assert_allclose(found['rq'], [2 / 3, 0, np.nan])


def test_segments_and_map_must_agree() -> None:
    with pytest.raises(ValueError, match=r'segments \[3\] have pixels and no class.*\[2\]'):
        Segments(np.array([[1, 3]]), {1: 0, 2: 0})


def test_sizes_must_agree() -> None:
    one, two = Segments(np.ones((2, 2), int), {1: 0}), Segments(np.ones((2, 3), int), {1: 0})
    with pytest.raises(ValueError, match=r'\(2, 2\).*\(2, 3\)'):
        count_matches(one, two, 1)
