"""Fixture: tiny data sets in the folders and under the file names of the real ones."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SIZE = (36, 48)  # height, width


def _write(image: Path, label: Path, values: list[int]) -> None:
    """Write a noise image and a label mask of blocks that holds each of the values."""
    rng = np.random.default_rng(len(image.name))
    for path in (image, label):
        path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)).save(image)
    columns = np.arange(SIZE[1]) * len(values) // SIZE[1]
    mask = np.array(values, dtype=np.uint8)[columns]
    Image.fromarray(np.broadcast_to(mask, SIZE).copy()).save(label)


def make_ade20k(root: Path) -> None:
    """ADE20K: 0 is void, 1..150 are classes."""
    root = root / 'ade/ADEChallengeData2016'
    for split, name in (('training', 'ADE_train'), ('validation', 'ADE_val')):
        for index in (1, 2):
            stem = f'{split}/{name}_{index:08d}'
            image, label = root / f'images/{stem}.jpg', root / f'annotations/{stem}.png'
            _write(image, label, [0, 1, 2, 150])


def make_cityscapes(root: Path) -> None:
    """Cityscapes: train ids 0..18, 255 is void; the other kinds of label files lie beside."""
    root = root / 'cityscapes'
    for split, city in (('train', 'aachen'), ('val', 'frankfurt')):
        for index in (0, 1):
            stem = f'{split}/{city}/{city}_{index:06d}_000019'
            label = root / f'gtFine/{stem}_gtFine_labelTrainIds.png'
            _write(root / f'leftImg8bit/{stem}_leftImg8bit.png', label, [0, 255, 10, 18])
            shutil.copy(label, root / f'gtFine/{stem}_gtFine_labelIds.png')
            (root / f'gtFine/{stem}_gtFine_polygons.json').write_text('{}')


def make_coco_stuff10k(root: Path) -> None:
    """COCO-Stuff 10k after mmseg's converter: 0 is void, 1..171 are classes."""
    root = root / 'coco_stuff10k'
    for split, ids in (('train2014', (77, 6068)), ('test2014', (64, 532))):
        for index in ids:
            stem = f'{split}/COCO_train2014_{index:012d}'
            label = root / f'annotations/{stem}_labelTrainIds.png'
            _write(root / f'images/{stem}.jpg', label, [0, 1, 2, 171])


def make_coco_stuff164k(root: Path) -> None:
    """COCO-Stuff 164k after mmseg's converter: 0..170 are classes, 255 is void."""
    root = root / 'coco_stuff164k'
    for split, ids in (('train2017', (9, 25)), ('val2017', (139, 285))):
        for index in ids:
            stem = f'{split}/{index:012d}'
            label = root / f'annotations/{stem}_labelTrainIds.png'
            _write(root / f'images/{stem}.jpg', label, [0, 255, 1, 170])
            shutil.copy(label, root / f'annotations/{stem}.png')


def make_camvid(root: Path) -> None:
    """CamVid: 0..10 are classes, 255 is void."""
    for split in ('train', 'val', 'test'):
        stem = f'{split}/0016E5_{len(split):05d}'
        image, label = root / f'camvid/img_dir/{stem}.jpg', root / f'camvid/ann_dir/{stem}.png'
        _write(image, label, [0, 255, 3, 10])


def make_voc2012(root: Path, sample: Path) -> None:
    """VOC 2012 with SBD from real VOC files: 0..20 are classes, 255 is void.

    Args:
        root: Where to write.
        sample: Folder of real files in VOC's layout.
    """
    root = root / 'VOCdevkit/VOC2012'
    for name in ('JPEGImages', 'SegmentationClass', 'ImageSets'):
        shutil.copytree(sample / name, root / name)
    # A further image for SBD, whose converted labels are plain grey PNGs; VOC's have a palette.
    stem = (root / 'ImageSets/Segmentation/val.txt').read_text().split()[0]
    shutil.copy(root / f'JPEGImages/{stem}.jpg', root / 'JPEGImages/2008_000008.jpg')
    label = np.array(Image.open(root / f'SegmentationClass/{stem}.png'))
    (root / 'SegmentationClassAug').mkdir()
    Image.fromarray(label).save(root / 'SegmentationClassAug/2008_000008.png')
    (root / 'ImageSets/Segmentation/aug.txt').write_text('2008_000008\n')


MAKERS: dict[str, Callable[[Path], None]] = {
    'ade20k': make_ade20k,
    'cityscapes': make_cityscapes,
    'coco-stuff10k': make_coco_stuff10k,
    'coco-stuff164k': make_coco_stuff164k,
    'camvid': make_camvid,
}


@pytest.fixture
def make_tree(request: pytest.FixtureRequest) -> Callable[[str, Path], None]:
    """Function that writes the tiny data set of a config under a folder."""

    def make(config: str, root: Path) -> None:
        if config.startswith('voc'):
            sample = request.getfixturevalue('data_root') / 'voc_sample'
            if not sample.is_dir():
                pytest.skip(f'no real VOC files at {sample}')
            make_voc2012(root, sample)
        elif config != 'demo':
            MAKERS[config.partition('_')[0]](root)

    return make
