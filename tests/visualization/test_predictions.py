"""Pictures of predictions: panels, legend, and images that are no image files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope
from mmengine.structures import BaseDataElement, PixelData
from PIL import Image

from spikedense.visualization.comparison import compare
from spikedense.visualization.predictions import PredictionPictures
from spikedense.visualization.shown_image import displayable, shown_image

META = dict(classes=('a', 'b', 'c'), palette=[[10, 20, 30], [200, 100, 0], [0, 0, 250]])


def _colours(picture: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(colour) for colour in picture.reshape(-1, 3).tolist()}


def test_panels_lie_side_by_side() -> None:
    red, blue = (np.full((40, 60, 3), c, np.uint8) for c in ((255, 0, 0), (0, 0, 255)))
    plain = compare(dict(image=red, truth=blue))
    assert plain.shape[1] > 120 and {(255, 0, 0), (0, 0, 255)} <= _colours(plain)
    explained = compare(dict(image=red, truth=blue), [('grass', (9, 99, 9))], void=True)
    assert explained.shape[0] > plain.shape[0] and (9, 99, 9) in _colours(explained)


def test_a_long_legend_has_several_rows() -> None:
    panel = np.zeros((40, 60, 3), np.uint8)
    legend = [(f'class {i}', (i, 255, i)) for i in range(30)]
    picture = compare(dict(image=panel), legend)
    assert {colour for _, colour in legend} <= _colours(picture)


@pytest.mark.parametrize('size', [(32, 48), (1500, 2000)])
def test_label_maps_have_the_colours_of_their_classes(size: tuple[int, int]) -> None:
    truth = torch.zeros(1, *size, dtype=torch.long)
    truth[:, :, size[1] // 2 :] = 255
    sample = BaseDataElement()
    sample.gt_sem_seg = PixelData(data=truth)
    sample.pred_sem_seg = PixelData(data=torch.ones(1, *size, dtype=torch.long))
    init_default_scope('mmseg')
    pictures = PredictionPictures(dict(type='SegLocalVisualizer', name=f'test_{size[0]}'))
    picture = pictures.draw(np.full((*size, 3), 77, np.uint8), sample, META)
    colours = _colours(picture)
    assert {(77, 77, 77), (10, 20, 30), (200, 100, 0)} <= colours
    assert (0, 0, 250) not in colours  # a class that does not occur is not explained
    assert 700 < picture.shape[1] < 3200


def test_an_image_file_is_read_itself(tmp_path: Path) -> None:
    path = tmp_path / 'a.png'
    Image.new('RGB', (4, 2), (1, 2, 3)).save(path)
    batch = dict(inputs=[torch.zeros(3, 2, 4)])
    for size, shown in (((2, 4), (1, 2, 3)), ((4, 8), (0, 0, 0))):
        sample = BaseDataElement(metainfo=dict(img_path=str(path), ori_shape=size))
        image = shown_image(sample, batch, 0)
        assert image.shape == (*size, 3) and _colours(image) == {shown}


@pytest.mark.parametrize('copies', [False, True])
def test_any_other_image_is_the_loaded_one(tmp_path: Path, copies: bool) -> None:
    path = tmp_path / 'a.npy'
    np.save(path, np.zeros((2, 4, 5)))
    loaded = torch.arange(5, dtype=torch.uint8)[:, None, None].expand(5, 2, 4)
    sample = BaseDataElement(metainfo=dict(img_path=str(path), ori_shape=(4, 8)))
    inputs = [[loaded], [loaded.flip(2)]] if copies else [loaded]
    image = shown_image(sample, dict(inputs=inputs), 0)
    assert image.shape == (4, 8, 3) and _colours(image) == {(2, 1, 0)}


@pytest.mark.parametrize(
    ('pixels', 'shown'),
    [
        (np.full((2, 2, 1), 7, np.uint8), (7, 7, 7)),
        (np.full((2, 2, 4), (1, 2, 3, 4), np.uint8), (3, 2, 1)),
        (np.full((2, 2, 3), 200.4, np.float32), (200, 200, 200)),
        (np.full((2, 2, 2), (7, 9), np.uint8), (7, 7, 7)),
        (np.full((2, 2, 3), (0.0, 1.0, np.nan), np.float32), (0, 255, 0)),
    ],
)
def test_images_of_any_kind_can_be_shown(pixels: np.ndarray, shown: tuple[int, ...]) -> None:
    image = displayable(pixels)
    assert image.dtype == np.uint8 and _colours(image) == {shown}
