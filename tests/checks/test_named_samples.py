"""A sample whose label map does not fit its image."""

import numpy as np
import pytest
from mmengine.dataset import Compose

from spikedense.checks.named_samples import NamedSamples
from spikedense.errors import UserError


def _pipeline(shape: tuple[int, ...]) -> NamedSamples:
    def read_image(data: dict) -> dict:
        # As a pipeline for validation: the image is resized before the map is read.
        return {**data, 'img': np.zeros((32, 32, 3)), 'ori_shape': (64, 48)}

    def read_labels(data: dict) -> dict:
        return {**data, 'gt_seg_map': np.zeros(shape)}

    def crop(data: dict) -> dict:
        return {**data, 'gt_seg_map': data['gt_seg_map'][:8, :8]}

    return NamedSamples(Compose([read_image, read_labels, crop]))


@pytest.mark.parametrize(
    ('shape', 'said'),
    [
        ((64, 47), "label map 'a.png' has 64 x 47 pixels, expected 64 x 48 as the image 'a.jpg'"),
        ((64, 48, 3), "label map 'a.png' has the shape (64, 48, 3), expected one channel"),
    ],
)
def test_map_of_another_shape(shape: tuple[int, ...], said: str) -> None:
    with pytest.raises(UserError) as error:
        _pipeline(shape)(dict(img_path='a.jpg', seg_map_path='a.png'))
    assert said in str(error.value)


def test_map_of_the_image() -> None:
    data = _pipeline((64, 48))(dict(img_path='a.jpg', seg_map_path='a.png'))
    assert data['gt_seg_map'].shape == (8, 8)


def test_joined_samples_are_of_any_size() -> None:
    # An outer pipeline gets a map, of which the size of one image says nothing.
    pipeline = NamedSamples(Compose([lambda data: {**data, 'gt_seg_map': np.zeros((9, 9))}]))
    pipeline(dict(gt_seg_map=np.zeros((4, 4)), ori_shape=(4, 4)))
