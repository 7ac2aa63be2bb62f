"""Which operators `mmcv._ext` holds: mmcv's compiled ones, or the stand-in."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import mmcv
import pytest

import spikedense.ops.mmcv_ext
from spikedense.utils import mmcv_ops
from spikedense.utils.mmcv_ops import has_compiled_operators, provide_operators, torchvision_misfit

STAND_IN = spikedense.ops.mmcv_ext.__file__
# What a loader process that is not forked does: it starts from nothing and reads the main file.
SPAWNED = """
import sys
from multiprocessing import get_context
import spikedense
assert not {'torch', 'mmcv'} & set(sys.modules)

def place():
    import mmcv.ops
    import mmdet.datasets
    return mmcv._ext.__file__

if __name__ == '__main__':
    with get_context('spawn').Pool(1) as pool:
        print(pool.apply(place))
"""


@pytest.fixture
def fake_mmcv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is found as mmcv before any installed one."""
    (tmp_path / 'mmcv').mkdir()
    (tmp_path / 'mmcv' / '__init__.py').write_text('')
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [n for n in sys.modules if n.split('.')[0] == 'mmcv']:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path / 'mmcv'


def test_stand_in_without_compiled_operators(fake_mmcv: Path) -> None:
    assert not has_compiled_operators()
    assert 'mmcv' not in sys.modules
    spec = find_spec('mmcv._ext')
    assert spec is not None and spec.origin == STAND_IN
    assert find_spec('mmcv.something') is None


def test_compiled_operators_are_preferred(fake_mmcv: Path) -> None:
    (fake_mmcv / '_ext.py').write_text('')
    assert has_compiled_operators()
    spec = find_spec('mmcv._ext')
    assert spec is not None and spec.origin == str(fake_mmcv / '_ext.py')


def test_missing_mmcv_is_no_compiled_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    assert not has_compiled_operators()


def test_one_finder_is_enough() -> None:
    before = list(sys.meta_path)
    provide_operators()
    assert sys.meta_path == before


def test_process_that_is_not_forked(tmp_path: Path) -> None:
    """On an mmcv whose folder lacks the compiled file."""
    (tmp_path / 'mmcv').mkdir()
    for item in Path(mmcv.__file__).parent.iterdir():
        if not item.name.startswith('_ext'):
            (tmp_path / 'mmcv' / item.name).symlink_to(item)
    (tmp_path / 'main.py').write_text(SPAWNED)
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get('PYTHONPATH')])])
    done = subprocess.run(
        [sys.executable, '-W', 'ignore', str(tmp_path / 'main.py')],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, 'PYTHONPATH': path},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == STAND_IN


@pytest.mark.parametrize(
    ('torchvision', 'needs', 'command'),
    [
        ('0.26.0', ['numpy', 'torch (==2.11.0)'], 'torch==2.11.0 torchvision==0.26.0'),
        ('0.27.1+cpu', ['torch==2.12.1+cpu', 'numpy'], 'torch==2.12.1 torchvision==0.27.1'),
        ('0.28.0', [], 'torch torchvision'),
    ],
)
def test_matching_pair(
    torchvision: str, needs: list[str], command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = {'torch': '2.11.0+cpu', 'torchvision': torchvision}
    monkeypatch.setattr(mmcv_ops.importlib.metadata, 'version', versions.__getitem__)
    monkeypatch.setattr(mmcv_ops.importlib.metadata, 'requires', lambda name: needs)
    what, fix = torchvision_misfit()
    assert f'torchvision {torchvision} ' in what and 'torch 2.11.0+cpu' in what
    assert fix == f'pip uninstall -y torch torchvision && pip install {command}'
