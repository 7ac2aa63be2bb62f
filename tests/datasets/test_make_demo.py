"""The command line that writes the demo set."""

from pathlib import Path

import pytest
from PIL import Image

from spikedense.commands.make_demo import main


def test_writes_then_finds_it(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ['--out', str(tmp_path / 'set'), '--seed', '5', '--size', '40', '56']
    arguments += ['--num-train', '2', '--num-val', '1']
    main(arguments)
    assert 'written' in capsys.readouterr().out
    assert Image.open(tmp_path / 'set/images/train/train_00001.jpg').size == (56, 40)
    main(arguments)
    assert 'already there' in capsys.readouterr().out


def test_errors_are_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit, match='2'):
        main(['--out', str(tmp_path / 'set'), '--size', '8', '8'])
    assert capsys.readouterr().err.startswith('error: size is (8, 8), expected')
    (tmp_path / 'mine.txt').write_text('mine')
    with pytest.raises(SystemExit, match='2'):
        main(['--out', str(tmp_path)])
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith('error: ') and 'mine.txt' in line
