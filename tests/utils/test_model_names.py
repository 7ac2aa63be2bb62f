"""Models by name, and the files that are their weights."""

import re
from pathlib import Path

import pytest

from spikedense.errors import UserError
from spikedense.utils.config_path import resolve_config, shipped_weights
from spikedense.utils.model_names import (
    known_model,
    list_models,
    model_name,
    no_weights,
    weights_of,
)

NAME = 'fpn_sdtv3-2.7m_1xb4-2400i_camvid-240x180'
DEMO = 'spike2former_sdtv3-demo_1xb8-680i_demo-128x128'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of weights, under the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('SPIKEDENSE_WEIGHTS', raising=False)
    (tmp_path / 'weights').mkdir()
    return tmp_path / 'weights'


def test_names() -> None:
    assert {NAME, DEMO, 'demo'} <= set(list_models())
    assert list_models('fpn_sdtv3-2.7m_') == [NAME]
    assert list_models('*pennfudan') and list_models('none-of-these') == []
    for given in (NAME, f'spikedense/{NAME}', f'spikedense::{NAME}'):
        assert known_model(given) == model_name(given) == NAME
        assert resolve_config(given).stem == NAME
    assert resolve_config('spikedense/demo').stem == DEMO
    for other in (f'{NAME}.py', f'sdt_v3/{NAME}', Path(NAME), None, {}):
        assert model_name(other) is None and weights_of(other) is None


def test_the_nearest_names_are_told() -> None:
    wrong = NAME.replace('2.7m', '2.8m')
    with pytest.raises(UserError, match=rf"no model 'spikedense/{wrong}'; the nearest .*{NAME}"):
        known_model(f'spikedense/{wrong}')
    with pytest.raises(UserError, match=r"no model '§'; list_models\(\) gives all"):
        known_model('§')


def test_shipped_weights_come_first(folder: Path) -> None:
    (folder / f'{DEMO}.pth').touch()
    assert weights_of('demo') == weights_of(f'spikedense/{DEMO}') == str(shipped_weights('demo'))


@pytest.mark.parametrize('rest', ['.pth', '-0123abcd.safetensors', '_iter_5.pth', '.pth.tar'])
def test_a_file_in_the_folder(folder: Path, monkeypatch: pytest.MonkeyPatch, rest: str) -> None:
    assert weights_of(NAME) is None
    for other in (f'{NAME}.py', f'{NAME}0.pth', f'x{NAME}.pth', f'{NAME}.pth.part'):
        (folder / other).touch()
    assert weights_of(NAME) is None
    (folder / f'{NAME}{rest}').touch()
    assert weights_of(NAME) == weights_of(f'spikedense/{NAME}') == f'weights/{NAME}{rest}'
    monkeypatch.setenv('SPIKEDENSE_WEIGHTS', 'elsewhere')
    assert weights_of(NAME) is None
    folder.rename('elsewhere')
    assert weights_of(NAME) == f'elsewhere/{NAME}{rest}'


def test_several_files_are_listed(folder: Path) -> None:
    files = [f'weights/{NAME}-old.pth', f'weights/{NAME}.pth']
    for file in files:
        Path(file).touch()
    with pytest.raises(UserError, match=re.escape(f'expected one: {", ".join(files)}')):
        weights_of(NAME)


def test_what_to_do_without_weights() -> None:
    said = no_weights(f'spikedense/{NAME}')
    assert said.startswith(f"no weights of the model '{NAME}' are published here (only 'demo'")
    assert f"'weights' has no {NAME}*.pth" in said and f'`spikedense train {NAME}`' in said
    assert no_weights('a.py').startswith("the model 'a.py' has no weights, expected the path")
