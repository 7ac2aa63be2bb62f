"""`_base_ = 'spikedense::...'` reads the shipped configs from any folder."""

import warnings
from pathlib import Path

import pytest
from mmengine.config import Config

from spikedense.checks.config import open_config
from spikedense.errors import UserError
from spikedense.utils.config_path import config_root, resolve_config
from spikedense.utils.config_reader import read_config

NAME = 'sdt_v3/fpn_sdtv3-2.7m_1xb4-2400i_camvid-240x180.py'


@pytest.mark.parametrize('name', [NAME, 'mask_rcnn/mask-rcnn_sdtv3-5m_2xb4-12e_coco-1333x800.py'])
def test_base_from_the_package(tmp_path: Path, name: str) -> None:
    own = tmp_path / 'own.py'
    own.write_text(f"_base_ = 'spikedense::{name}'\ntrain_dataloader = dict(batch_size=1)\n")
    with warnings.catch_warnings():
        warnings.simplefilter('error', UserWarning)
        cfg = read_config(own)
    expected = Config.fromfile(config_root() / name)
    expected.train_dataloader.batch_size = 1
    # No mark of a scope is left, and nothing else differs.
    assert cfg.to_dict() == expected.to_dict()


def test_base_file_and_its_variables(tmp_path: Path) -> None:
    own = tmp_path / 'own.py'
    own.write_text(
        "_base_ = 'spikedense::_base_/datasets/demo.py'\n"
        'size = _base_.crop_size\nloader = _base_.train_dataloader\n'
    )
    cfg = read_config(own)
    assert cfg.size == (128, 128)
    assert '_scope_' not in str(cfg.to_dict())


def test_scopes_of_other_packages_stay(tmp_path: Path) -> None:
    own = tmp_path / 'own.py'
    own.write_text("model = dict(type='X', _scope_='mmdet', head=dict(_scope_='spikedense'))\n")
    assert read_config(own).model == dict(type='X', _scope_='mmdet', head={})


@pytest.mark.parametrize('base', ['spikedense::absent.py', 'nolibrary::a/b.py'])
def test_base_that_is_not_there(tmp_path: Path, base: str) -> None:
    own = tmp_path / 'own.py'
    own.write_text(f"_base_ = '{base}'\nmodel = dict()\n")
    with pytest.raises(UserError, match=r"own\.py' cannot be read: .*"):
        open_config(str(own))


def test_name_on_a_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (NAME, NAME.removesuffix('.py'), Path(NAME).stem):
        assert resolve_config(f'spikedense::{name}') == config_root() / NAME
    Path(NAME).parent.mkdir()
    Path(NAME).write_text('')
    assert resolve_config(NAME) == Path(NAME)
    assert resolve_config(f'spikedense::{NAME}') == config_root() / NAME
