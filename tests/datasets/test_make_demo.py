"""The command line that writes the demo set."""

import runpy
import sys
from pathlib import Path

import pytest
from PIL import Image


@pytest.fixture()
def make_demo(repo_root: Path, monkeypatch: pytest.MonkeyPatch):
    def run(*arguments: str) -> None:
        script = repo_root / 'tools/dataset_converters/make_demo.py'
        monkeypatch.setattr(sys, 'argv', [str(script), *arguments])
        runpy.run_path(str(script), run_name='__main__')

    return run


def test_writes_then_finds_it(make_demo, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ['--out', str(tmp_path / 'set'), '--seed', '5', '--size', '40', '56']
    arguments += ['--num-train', '2', '--num-val', '1']
    make_demo(*arguments)
    assert 'written' in capsys.readouterr().out
    assert Image.open(tmp_path / 'set/images/train/train_00001.jpg').size == (56, 40)
    make_demo(*arguments)
    assert 'already there' in capsys.readouterr().out


def test_errors_are_one_sentence(make_demo, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r'make_demo: size is \(8, 8\), expected') as raised:
        make_demo('--out', str(tmp_path / 'set'), '--size', '8', '8')
    assert raised.value.code not in (0, None)
    (tmp_path / 'mine.txt').write_text('mine')
    with pytest.raises(SystemExit, match=r'make_demo: .* mine\.txt'):
        make_demo('--out', str(tmp_path))
