"""The sentence that users see where mmcv's compiled ops are missing."""

import sys
from pathlib import Path

import pytest

from spikedense.utils import OPS_COMMAND, has_mmcv_ops, require_mmcv_ops


@pytest.fixture
def fake_mmcv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is found as mmcv before any installed one."""
    (tmp_path / 'mmcv').mkdir()
    (tmp_path / 'mmcv' / '__init__.py').write_text('raise RuntimeError("must not be imported")')
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [n for n in sys.modules if n.split('.')[0] == 'mmcv']:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path / 'mmcv'


def test_sentence_names_the_thing_and_the_command(fake_mmcv: Path) -> None:
    assert not has_mmcv_ops()
    with pytest.raises(ImportError) as raised:
        require_mmcv_ops('Spike2Former')
    said = str(raised.value)
    assert said.startswith('Spike2Former needs') and said.endswith('.')
    assert OPS_COMMAND in said and '\n' not in said


def test_ops_are_found_without_importing_mmcv(fake_mmcv: Path) -> None:
    (fake_mmcv / '_ext.py').write_text('')
    assert has_mmcv_ops()
    require_mmcv_ops('Spike2Former')
    assert 'mmcv' not in sys.modules


def test_missing_mmcv_is_not_an_mmcv_with_ops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
    assert not has_mmcv_ops()
