"""`spikedense browse`: augmented images with their labels."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from spikedense.commands.browse import main
from spikedense.datasets.demo import DemoDataset


def colours(file: Path) -> set[tuple[int, ...]]:
    image = cv2.imread(str(file), cv2.IMREAD_COLOR_RGB)
    return {tuple(colour) for colour in np.unique(image.reshape(-1, 3), axis=0)}


def test_labels_are_drawn_in_their_colours(config: Path, tmp_path: Path) -> None:
    options = ['--cfg-options', 'visualizer.alpha=1.0']
    files = main([str(config), '--show-dir', str(tmp_path / 'out'), '--number', '3', *options])
    # Evenly spread over the 16 images.
    assert [file.name for file in files] == [f'{i:06d}_train_{i:05d}.png' for i in (0, 8, 15)]
    palette = {tuple(colour) for colour in DemoDataset.METAINFO['palette']}
    for file in files:
        assert min(cv2.imread(str(file)).shape[:2]) >= 300
        assert len(colours(file) & palette) >= 3


def test_set_and_seed(config: Path, tmp_path: Path) -> None:
    pictures = {}
    for name, words in {
        'a': ['--seed', '1'],
        'b': ['--seed', '1'],
        'c': ['--seed', '2'],
        'val': ['--set', 'val', '--number', '100'],
    }.items():
        files = main([str(config), '--show-dir', str(tmp_path / name), '--number', '2', *words])
        pictures[name] = [file.read_bytes() for file in files]
    assert pictures['a'] == pictures['b'] != pictures['c']
    assert len(pictures['val']) == 6


def test_boxes_and_masks(demo_root: Path, tmp_path: Path) -> None:
    name = 'mask-rcnn_sdtv3-demo_1xb4-600i_demo-instance-128x128'
    options = [f'train_dataloader.dataset.data_root={demo_root}']
    options += ['train_dataloader.dataset.generator=dict(size=(64,64),num_train=16,num_val=6)']
    (file,) = main([name, '--show-dir', str(tmp_path), '--number', '1', '--cfg-options', *options])
    assert len(colours(file)) > 100


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--number', '0'], '0 samples, expected at least 1'),
        (['--cfg-options', 'val_dataloader=None', '--set', 'val'], 'has no val_dataloader'),
    ],
)
def test_mistakes(
    config: Path, words: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit, match='2'):
        main([str(config), '--show-dir', str(tmp_path / 'out'), *words])
    assert message in capsys.readouterr().err
    assert not (tmp_path / 'out').exists()
