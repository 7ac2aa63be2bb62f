"""CamVid: names, colours, and the real files where they are at hand."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spikedense.datasets import CamVidDataset

# Per cent of all pixels in label order, void last, as published with the converted files.
SHARES = {
    'train': '16.845 23.259 0.983 31.658 4.486 9.724 1.173 1.127 5.866 0.639 0.292 3.948',
    'val': '9.177 25.962 0.564 28.953 8.719 16.336 0.892 3.078 1.746 0.651 2.217 1.703',
    'test': '17.066 24.605 1.177 25.807 9.269 11.253 1.010 1.184 3.972 0.634 0.189 3.833',
}
COUNTS = {'train': 367, 'val': 101, 'test': 233}


def _build(root: Path, split: str) -> CamVidDataset:
    return CamVidDataset(
        data_root=str(root),
        data_prefix=dict(img_path=f'img_dir/{split}', seg_map_path=f'ann_dir/{split}'),
        pipeline=[dict(type='mmseg.LoadImageFromFile'), dict(type='mmseg.LoadAnnotations')],
    )


@pytest.fixture()
def camvid(data_root: Path) -> Path:
    if not (data_root / 'camvid').is_dir():
        pytest.skip(f'no camvid folder in {data_root}')
    return data_root / 'camvid'


def test_classes_and_palette() -> None:
    classes, palette = (CamVidDataset.METAINFO[key] for key in ('classes', 'palette'))
    assert len(classes) == len(palette) == 11
    colours = dict(zip(classes, palette, strict=True))
    assert colours['sky'] == [128, 128, 128]
    assert colours['road'] == [128, 64, 128]
    assert colours['pavement'] == [60, 40, 222]
    assert colours['bicyclist'] == [0, 128, 192]


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_real_files(camvid: Path, split: str) -> None:
    dataset = _build(camvid, split)
    assert len(dataset) == COUNTS[split]
    counts = np.zeros(256, dtype=np.int64)
    for index in range(len(dataset)):
        label = np.array(Image.open(dataset.get_data_info(index)['seg_map_path']))
        counts += np.bincount(label.ravel(), minlength=256)
    assert counts[11:255].sum() == 0
    shares = 100 * counts[[*range(11), 255]] / counts.sum()
    assert np.abs(shares - np.array(SHARES[split].split(), dtype=float)).max() < 0.0006
    sample = dataset[0]
    assert sample['img'].shape == (360, 480, 3) and sample['gt_seg_map'].shape == (360, 480)


def test_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r'no image folder at .*img_dir/train.*DATA_ROOT'):
        _build(tmp_path, 'train')


def test_empty_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / 'img_dir/train').mkdir(parents=True)
    with pytest.raises(FileNotFoundError, match=r'no \.jpg image in'):
        _build(tmp_path, 'train')
