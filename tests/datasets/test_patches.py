"""Small classification sets cut from segmentation data."""

import numpy as np
import pytest

from spikedense.datasets.patches import cut_patches
from spikedense.errors import UserError


class OneImage:
    """Two classes in the halves of one image; pixels are the numbers of their rows and columns."""

    metainfo = dict(classes=('left', 'right', 'absent'))

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> dict:
        rows, columns = np.mgrid[:40, :60].astype(np.uint8)
        labels = np.where(columns < 30, 0, 1)
        labels[:, 55:] = 255
        image = np.stack([rows, columns, labels.astype(np.uint8)], 2)
        return dict(img=image, gt_seg_map=labels, img_path='one.png')


def test_the_middle_shows_the_class() -> None:
    patches = list(cut_patches(OneImage(), 16, 7, cover=1.0))
    assert [name for name, _ in patches].count('left') == 7
    assert [name for name, _ in patches].count('right') == 7
    for name, patch in patches:
        assert patch.shape == (16, 16, 3)
        label, columns, rows = np.moveaxis(patch, 2, 0)  # the order of the colours is turned around
        assert (label[6:10, 6:10] == ('left', 'right').index(name)).all()
        assert (np.diff(columns.astype(int), axis=1) == 1).all()
        assert (np.diff(rows.astype(int), axis=0) == 1).all()


def test_seed_and_size() -> None:
    first, same, other = (
        [patch.tobytes() for _, patch in cut_patches(OneImage(), 16, 5, seed=seed)]
        for seed in (1, 1, 2)
    )
    assert first == same != other
    with pytest.raises(UserError, match=r'one\.png has 60x40 pixels, expected at least 41'):
        list(cut_patches(OneImage(), 41, 1))
