"""Scenes of the demo set: reproducible, complete, and labelled as they look."""

import numpy as np
import pytest

from spikedense.datasets.demo_scenes import (
    CLASSES,
    PALETTE,
    STUFF_CLASSES,
    THING_CLASSES,
    VOID,
    render_scene,
)


def _scenes(count: int, size: tuple[int, int] = (96, 96)) -> list:
    return [render_scene(np.random.default_rng([7, i]), size) for i in range(count)]


@pytest.mark.parametrize('size', [(32, 32), (64, 160), (120, 96)])
def test_shapes_and_types(size: tuple[int, int]) -> None:
    scene = render_scene(np.random.default_rng(0), size)
    assert scene.image.shape == (*size, 3) and scene.image.dtype == np.uint8
    assert scene.segments.shape == size and scene.semantic.shape == size
    assert scene.semantic.dtype == np.uint8


def test_same_generator_state_gives_the_same_scene() -> None:
    first, again = _scenes(1)[0], _scenes(1)[0]
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.segments, again.segments)
    assert first.classes == again.classes
    other = render_scene(np.random.default_rng([8, 0]), (96, 96))
    assert not np.array_equal(first.image, other.image)


def test_segments_are_numbered_without_gaps_and_large_enough() -> None:
    for scene in _scenes(20):
        areas = np.bincount(scene.segments.ravel())
        assert len(areas) == len(scene.classes) + 1
        assert areas[1:].min() >= scene.segments.size / 400
        stuff = [c for c in scene.classes if CLASSES[c] in STUFF_CLASSES]
        assert len(stuff) == len(set(stuff)) >= 1


def test_every_class_and_void_occur() -> None:
    scenes = _scenes(40)
    seen = set(np.unique([scene.semantic for scene in scenes]).tolist())
    assert seen == {*range(len(CLASSES)), VOID}
    things = [sum(CLASSES[c] in THING_CLASSES for c in scene.classes) for scene in scenes]
    assert min(things) >= 1 and np.mean(things) > 3
    void = np.mean([(scene.semantic == VOID).mean() for scene in scenes])
    assert 0.01 < void < 0.15


def test_labels_lie_where_the_image_changes() -> None:
    """Across the outline of an object colours change more than inside of it."""
    across, inside = [], []
    for scene in _scenes(20):
        image, segments = scene.image.astype(np.int32), scene.segments
        step = np.abs(image[:, 2:] - image[:, :-2]).mean(axis=2)
        border = segments[:, 2:] != segments[:, :-2]
        across.append(step[border].mean())
        inside.append(step[~border].mean())
    assert np.mean(across) > 1.5 * np.mean(inside)


def test_colour_alone_does_not_give_the_class() -> None:
    """The mean colour's nearest class centre is right for many objects, by far not for all."""
    colours, labels = [], []
    for scene in _scenes(80):
        for index, label in enumerate(scene.classes, start=1):
            if CLASSES[label] in THING_CLASSES:
                colours.append(scene.image[scene.segments == index].mean(axis=0))
                labels.append(label)
    colours, labels = np.array(colours), np.array(labels)
    centres = np.array([colours[labels == k].mean(axis=0) for k in range(len(THING_CLASSES))])
    nearest = ((colours[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
    assert 0.3 < (nearest == labels).mean() < 0.8


def test_one_colour_a_class() -> None:
    assert len(CLASSES) == len(PALETTE) == len(set(PALETTE)) == 9
