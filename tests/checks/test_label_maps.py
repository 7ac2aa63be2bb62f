"""Label maps are looked at before a run, as the pipeline reads them."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmengine.dataset import ConcatDataset
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, TRANSFORMS, init_default_scope
from PIL import Image

from spikedense.checks.label_maps import Ignored, LabelUse, check_label_maps
from spikedense.errors import UserError

HEAD = Ignored('model.decode_head.ignore_index', 255)


@TRANSFORMS.register_module()
class HalfOfLabels(BaseTransform):
    """A step of a user: labels in place of 0 and 255."""

    def transform(self, results: dict) -> dict:
        np.random.rand()
        results['gt_seg_map'] = results['gt_seg_map'] // 255
        return results


@pytest.fixture(autouse=True)
def warned(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    init_default_scope('mmseg')
    logger = MMLogger.get_instance('label_maps')
    logger.addHandler(caplog.handler)
    caplog.set_level(logging.WARNING)
    return caplog


def write(root: Path, *maps: Any, size: tuple[int, int] = (8, 12), suffix: str = '.png') -> None:
    """Write an image for each map, which is an image or the values of its stripes."""
    (root / 'img').mkdir(exist_ok=True)
    (root / 'ann').mkdir(exist_ok=True)
    for i, labels in enumerate(maps):
        Image.new('RGB', size[::-1]).save(root / f'img/{i}.jpg')
        if not isinstance(labels, Image.Image):
            row = np.resize(np.array(labels), size[1])
            labels = Image.fromarray(np.tile(row, (size[0], 1)).astype(np.uint8))
        labels.save(root / f'ann/{i}{suffix}')


def build(root: Path, *, load: Any = None, steps: Any = (), **options: Any) -> Any:
    cfg = dict(
        type='BaseSegDataset',
        data_root=str(root),
        data_prefix=dict(img_path='img', seg_map_path='ann'),
        metainfo=dict(classes=('a', 'b', 'c')),
        pipeline=[
            dict(type='LoadImageFromFile'),
            load or dict(type='LoadAnnotations'),
            dict(type='RandomCrop', crop_size=(4, 4)),
            *steps,
            dict(type='PackSegInputs'),
        ],
    )
    return DATASETS.build({**cfg, **options})


def check(dataset: Any, *ignored: Ignored, **use: Any) -> None:
    check_label_maps(dataset, LabelUse(ignored or (HEAD,), **use))


def test_good_maps(tmp_path: Path, warned: pytest.LogCaptureFixture) -> None:
    write(tmp_path, (0, 1, 255), (1, 2, 255))
    check(build(tmp_path))
    assert not warned.records


def test_data_sets_of_mmdet(tmp_path: Path) -> None:
    init_default_scope('mmdet')
    write(tmp_path, (0, 1, 3))
    load = dict(type='LoadAnnotations', with_bbox=False, with_seg=True)
    steps = [dict(type='LoadImageFromFile'), load, dict(type='PackDetInputs')]
    with pytest.raises(UserError, match='holds the label 3'):
        check(build(tmp_path, pipeline=steps))


@pytest.mark.parametrize('wrapper', ['RepeatDataset', 'ConcatDataset', 'MultiImageMixDataset'])
def test_label_beyond_the_classes(tmp_path: Path, wrapper: str) -> None:
    write(tmp_path, (0, 1, 2), (0, 1, 3))
    inner = build(tmp_path)
    options: Any = dict(
        RepeatDataset=dict(dataset=inner, times=2),
        ConcatDataset=dict(datasets=[inner]),
        MultiImageMixDataset=dict(dataset=ConcatDataset([inner]), pipeline=[]),
    )
    dataset = DATASETS.build(dict(type=wrapper, **options[wrapper]))
    with pytest.raises(UserError) as error:
        check(dataset)
    said = str(error.value)
    assert "ann/1.png' holds the label 3, expected 0 to 2 for the 3 classes" in said
    assert '255 (model.decode_head.ignore_index); 1 of the 2 label maps' in said
    assert 'num_classes' in said and 'ignore_index=3' in said and 'label_map={3: 255}' in said
    assert 'reduce_zero_label=True' in said


def test_void_of_the_heads_and_metrics(tmp_path: Path) -> None:
    write(tmp_path, (0, 1, 2, 7))
    check(build(tmp_path), Ignored('x', 7))
    with pytest.raises(UserError, match=r'holds the label 7, expected .* void, 255 \(y\); 1 of'):
        check(build(tmp_path), Ignored('x', 7), Ignored('y', 255))


def test_void_that_the_data_set_declares(tmp_path: Path) -> None:
    write(tmp_path, (0, 1, 2))
    message = r'decode_head\.ignore_index=255, but BaseSegDataset has ignore_index=0, a label of'
    with pytest.raises(UserError, match=message):
        check(build(tmp_path, ignore_index=0))
    check(build(tmp_path, ignore_index=0), Ignored('x', 0))


def test_label_after_reduce_zero_label(tmp_path: Path, warned: pytest.LogCaptureFixture) -> None:
    write(tmp_path, (0, 1, 2, 3, 255))
    check(build(tmp_path, reduce_zero_label=True))
    assert not warned.records
    write(tmp_path, (0, 1, 2, 3, 4))
    with pytest.raises(UserError, match='holds the label 3 after reduce_zero_label=True'):
        check(build(tmp_path, reduce_zero_label=True))
    load = dict(type='LoadAnnotations', reduce_zero_label=True)
    with pytest.raises(UserError, match=r"0\.png' cannot be read: Initialize dataset with"):
        check(build(tmp_path, load=load))


def test_label_map_of_chosen_classes(tmp_path: Path, warned: pytest.LogCaptureFixture) -> None:
    write(tmp_path, (0, 5, 10, 255))
    data = build(tmp_path, type='spikedense.CamVidDataset', metainfo=dict(classes=['sky', 'tree']))
    check(data)
    assert not warned.records
    with pytest.raises(UserError, match='holds the label 255 after label_map'):
        check(data, Ignored('model.decode_head.ignore_index', 0))


def test_masks_of_0_and_255(tmp_path: Path) -> None:
    write(tmp_path, (0, 0), (0, 255))
    two = dict(metainfo=dict(classes=('ground', 'thing')))
    with pytest.raises(UserError, match=r"ann/1\.png' holds 255, .* label_map=\{255: 1\}"):
        check(build(tmp_path, **two))
    check(build(tmp_path, load=dict(type='spikedense.LoadAnnotations', label_map={255: 1}), **two))
    # A step of the user may do the same, and the random numbers of the run stay as they are.
    np.random.seed(0)
    check(build(tmp_path, steps=[dict(type='HalfOfLabels')], **two))
    assert np.random.rand() == np.random.RandomState(0).rand()


def test_binary_head_tells_two_classes_apart(tmp_path: Path) -> None:
    write(tmp_path, (0, 1))
    one = build(tmp_path, metainfo=dict(classes=('thing',)))
    check(one, num_classes=2)
    with pytest.raises(UserError, match='holds the label 1'):
        check(one)


def test_nothing_but_void(tmp_path: Path) -> None:
    write(tmp_path, (0, 0), (255, 255))
    with pytest.raises(UserError, match=r'the 2 label maps .* hold nothing but void, as'):
        check(build(tmp_path, reduce_zero_label=True))


def test_classes_without_a_pixel(tmp_path: Path, warned: pytest.LogCaptureFixture) -> None:
    write(tmp_path, *[(0, 1)] * 4, (0, 2))
    check(build(tmp_path), opened=2)
    assert '1 of the 3 classes of BaseSegDataset have no pixel in the 2 label maps' in warned.text
    assert '(of 5; --check all opens all): c' in warned.text
    warned.clear()
    check(build(tmp_path), opened=None)
    assert not warned.records


def test_augmented_copies(tmp_path: Path) -> None:
    write(tmp_path, (0, 1, 3))
    pack = [dict(type='PackSegInputs')]
    branches = [[dict(type='RandomFlip', prob=1.0)], [dict(type='LoadAnnotations')], pack]
    steps = [dict(type='LoadImageFromFile'), dict(type='TestTimeAug', transforms=branches)]
    with pytest.raises(UserError, match='holds the label 3'):
        check(build(tmp_path, pipeline=steps))


@pytest.mark.parametrize('mode', ['RGB', 'RGBA', 'LA'])
def test_colours_instead_of_classes(tmp_path: Path, mode: str) -> None:
    write(tmp_path, Image.new('RGB', (12, 8), (128, 64, 0)).convert(mode))
    with pytest.raises(UserError, match=rf'has the shape \(8, 12, \d\) \(mode {mode}\), expected'):
        check(build(tmp_path))


def palette_file(*colours: int) -> Image.Image:
    image = Image.fromarray(np.resize(np.array([0, 1, 255], np.uint8), (8, 12)), 'P')
    image.putpalette(list(colours) + [0] * (768 - len(colours)))
    return image


def test_palette_files(tmp_path: Path, warned: pytest.LogCaptureFixture) -> None:
    write(tmp_path, palette_file(9, 0, 0, 0, 9, 0))
    check(build(tmp_path, metainfo=dict(classes=('a', 'b'), palette=[[9, 0, 0], [0, 9, 0]])))
    assert not warned.records
    check(build(tmp_path, metainfo=dict(classes=('a', 'b'), palette=[[0, 9, 0], [9, 0, 0]])))
    assert "gives label 0 ('a') the colour (9, 0, 0), which is that of 'b'" in warned.text
    with pytest.raises(UserError, match=r"palette file, of which imdecode_backend='cv2' reads"):
        check(build(tmp_path, load=dict(type='LoadAnnotations', imdecode_backend='cv2')))


def test_more_than_8_bits(tmp_path: Path) -> None:
    wide = np.full((8, 12), 257, np.uint16)
    write(tmp_path, Image.fromarray(wide))
    with pytest.raises(UserError, match=r'holds 257, expected whole numbers from 0 to 255'):
        check(build(tmp_path))
    write(tmp_path, Image.fromarray(wide - 256))
    check(build(tmp_path))


def test_map_of_another_size(tmp_path: Path) -> None:
    write(tmp_path, Image.fromarray(np.zeros((12, 8), np.uint8)))
    with pytest.raises(UserError, match=r'height=12 and width=8, expected 8 and 12 as the image'):
        check(build(tmp_path))


def test_image_that_exif_turns(tmp_path: Path) -> None:
    write(tmp_path, Image.fromarray(np.zeros((12, 8), np.uint8)))
    image = Image.new('RGB', (12, 8))
    exif = image.getexif()
    exif[0x112] = 6
    image.save(tmp_path / 'img/0.jpg', exif=exif)
    check(build(tmp_path))  # mmcv turns the image
    write(tmp_path, (0,))
    image.save(tmp_path / 'img/0.jpg', exif=exif)
    with pytest.raises(UserError, match='height=8 and width=12, expected 12 and 8'):
        check(build(tmp_path))


def test_image_that_exif_turns_by_180_degrees(
    tmp_path: Path, warned: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, (0, 1), (0, 1))
    image = Image.new('RGB', (12, 8))
    exif = image.getexif()
    exif[0x112] = 3
    image.save(tmp_path / 'img/1.jpg', exif=exif)
    data = build(tmp_path)
    check(data)
    (line,) = [r.getMessage() for r in warned.records if 'EXIF' in r.getMessage()]
    assert '1 of the 2 images that were opened of BaseSegDataset is turned by EXIF' in line
    assert "img/1.jpg' (orientation 3), and label maps are not" in line
    assert "color_type='color_ignore_orientation' in LoadImageFromFile" in line
    warned.clear()
    data.pipeline.transforms[0].color_type = 'color_ignore_orientation'
    check(data)
    assert not [record for record in warned.records if 'EXIF' in record.getMessage()]


@pytest.mark.parametrize('backend', ['pillow', 'cv2'])
def test_file_that_is_no_image(tmp_path: Path, backend: str) -> None:
    write(tmp_path, (0, 1))
    (tmp_path / 'ann/0.png').write_bytes(b'no image')
    load = dict(type='LoadAnnotations', imdecode_backend=backend)
    with pytest.raises(UserError, match=rf"0\.png' cannot be read: .*'{backend}' does not know"):
        check(build(tmp_path, load=load))


@pytest.mark.parametrize('folder', ['img', 'ann'])
def test_missing_files(tmp_path: Path, folder: str) -> None:
    write(tmp_path, (0,), (1,), (2,))
    data = build(tmp_path)
    next((tmp_path / folder).glob('1.*')).unlink()
    with pytest.raises(UserError, match=rf'1 of 3 files .* do not exist: .*{folder}/1\.'):
        check(data)
