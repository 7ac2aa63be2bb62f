"""Shipped configs are found by path, by name, and missed with a helpful sentence."""

import shutil
from pathlib import Path

import pytest

from spikedense.utils import config_path
from spikedense.utils.config_path import config_root, list_configs, resolve_config


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small checkout with three configs, two of them of one name."""
    for name in ('_base_/a.py', 'v2/small_demo.py', 'v3/small_demo.py', 'v3/large_demo.py'):
        path = tmp_path / 'configs' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text('')
    (tmp_path / 'setup.py').write_text('')
    (tmp_path / 'spikedense').mkdir()
    monkeypatch.setattr(config_path, 'PACKAGE_ROOT', tmp_path / 'spikedense')
    return tmp_path


def test_root_of_a_checkout(repo_root: Path) -> None:
    assert config_root() == repo_root / 'configs'
    assert list_configs() and not any(name.startswith('_base_') for name in list_configs())


def test_root_of_an_installed_wheel(tree: Path) -> None:
    shipped = tree / 'spikedense' / '.mim' / 'configs'
    shutil.copytree(tree / 'configs', shipped)
    (tree / 'setup.py').unlink()
    assert config_root() == shipped


def test_no_configs_at_all(tree: Path) -> None:
    (tree / 'setup.py').unlink()
    with pytest.raises(FileNotFoundError, match='install spikedense again'):
        config_root()


@pytest.mark.parametrize(
    'name',
    [
        'large_demo',
        'large_demo.py',
        'v3/large_demo',
        'v3/large_demo.py',
        'configs/v3/large_demo.py',
    ],
)
def test_every_spelling_finds_the_config(tree: Path, name: str) -> None:
    assert resolve_config(name) == tree / 'configs' / 'v3' / 'large_demo.py'


def test_existing_file_comes_first(tree: Path, tmp_path: Path) -> None:
    own = tmp_path / 'large_demo.py'
    own.write_text('')
    assert resolve_config(str(own)) == own
    assert resolve_config(own) == own


def test_base_file_is_found_by_its_path_only(tree: Path) -> None:
    assert resolve_config('_base_/a.py') == tree / 'configs' / '_base_' / 'a.py'
    with pytest.raises(FileNotFoundError):
        resolve_config('a')


def test_name_of_two_configs(tree: Path) -> None:
    with pytest.raises(ValueError, match=r'v2/small_demo\.py, v3/small_demo\.py'):
        resolve_config('small_demo')
    assert resolve_config('v2/small_demo') == tree / 'configs' / 'v2' / 'small_demo.py'


def test_unknown_name_tells_the_nearest(tree: Path) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        resolve_config('v3/larg_demo.py')
    said = str(raised.value)
    assert said.startswith("There is no config 'v3/larg_demo.py'; the nearest")
    assert 'v3/large_demo.py' in said
