"""Outputs that would replace inputs."""

from pathlib import Path

import pytest
from mmengine.config import Config

from spikedense.checks.outputs import check_file, check_folder_of_images, check_outputs_of_run
from spikedense.errors import UserError


def _config(root: Path) -> Config:
    dataset = dict(
        type='BaseSegDataset',
        data_root=str(root / 'data'),
        data_prefix=dict(img_path='img/val', seg_map_path='ann/val'),
        ann_file='val.txt',
    )
    wrapped = dict(type='RepeatDataset', times=2, dataset=dataset)
    return Config(dict(test_dataloader=dict(dataset=wrapped)))


@pytest.mark.parametrize('name', ['data', 'data/img', 'data/ann/val', 'data/ann/val/maps'])
def test_a_folder_of_the_data_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r'--out .* is a folder of the data set BaseSegDataset'):
        check_outputs_of_run(_config(tmp_path), {'--out': str(tmp_path / name)}, {})


@pytest.mark.parametrize('name', ['', 'maps', 'data/maps', 'data2'])
def test_other_folders_are_not(tmp_path: Path, name: str) -> None:
    check_outputs_of_run(_config(tmp_path), {'--out': str(tmp_path / name)}, {})


def test_a_file_of_the_data_is_refused(tmp_path: Path) -> None:
    cfg = _config(tmp_path)
    check_outputs_of_run(cfg, {}, {'--out': str(tmp_path / 'data/out.pkl')})
    for name in ('data/val.txt', 'data/img/val/out.pkl'):
        with pytest.raises(UserError, match='expected another'):
            check_outputs_of_run(cfg, {}, {'--out': str(tmp_path / name)})


def test_a_link_to_an_input_is_the_input(tmp_path: Path) -> None:
    (tmp_path / 'a.py').write_text('')
    (tmp_path / 'b.py').symlink_to(tmp_path / 'a.py')
    check_file('--out', tmp_path / 'c.py', [tmp_path / 'a.py', None])
    with pytest.raises(UserError, match='is an input'):
        check_file('--out', tmp_path / 'b.py', [tmp_path / 'a.py'])


def test_a_folder_with_inputs_is_refused(tmp_path: Path) -> None:
    image = tmp_path / 'data' / 'img' / 'a.png'
    check_folder_of_images('--out-dir', tmp_path / 'out', [image])
    for folder in (image.parent, tmp_path / 'data'):
        with pytest.raises(UserError, match=r'holds the input .*a\.png'):
            check_folder_of_images('--out-dir', folder, [image])


def test_two_outputs_of_one_place_are_refused(tmp_path: Path) -> None:
    folders = {'--show-dir': str(tmp_path / 'out'), '--out': f'{tmp_path}/x/../out'}
    with pytest.raises(UserError, match='--show-dir and --out are both'):
        check_outputs_of_run(_config(tmp_path), folders, {})
