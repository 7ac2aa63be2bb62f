"""`spikedense`: every command of the package, by its words."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spikedense import cli
from spikedense.cli import COMMANDS, main


def said(capsys: pytest.CaptureFixture, *words: str) -> str:
    """What a call prints that ends the process."""
    with pytest.raises(SystemExit) as stop:
        main(words)
    captured = capsys.readouterr()
    assert stop.value.code == (2 if captured.err else 0)
    return captured.err or captured.out


def test_help_lists_every_command(capsys: pytest.CaptureFixture) -> None:
    lines = said(capsys, '--help').splitlines()
    for name, (_, what) in COMMANDS.items():
        assert f'  {name:<17}{what}' in lines
    assert any(line.startswith('  doctor ') for line in lines)


def test_every_module_of_a_command_has_a_starter(repo_root: Path) -> None:
    text = ' '.join(file.read_text() for file in (repo_root / 'tools').rglob('*.py'))
    for name in COMMANDS:
        assert f"main = command('{name}')\n" in text


@pytest.mark.parametrize('name', COMMANDS)
def test_usage_names_the_command(name: str, capsys: pytest.CaptureFixture) -> None:
    out = said(capsys, *name.split(), '--help')
    assert out.startswith(f'usage: spikedense {name} [-h]')
    assert 'tools/' not in out and '``' not in out
    assert '--debug' in out


@pytest.mark.parametrize(
    ('words', 'hint'),
    [
        (['trian', 'x.py'], "unknown command 'trian'; did you mean train"),
        (['export'], 'did you mean export onnx or export nir?'),
        (['export', 'onx'], 'did you mean export onnx or export nir?'),
        (['zzz'], "unknown command 'zzz'; spikedense --help lists them"),
        ([], 'expected a command'),
    ],
)
def test_unknown_commands(words: list[str], hint: str, capsys: pytest.CaptureFixture) -> None:
    assert hint in said(capsys, *words)


def test_words_and_result_of_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    class Module:
        @staticmethod
        def main(*args: object) -> int:
            calls.append(args)
            return 5  # a result is no exit code

    monkeypatch.setattr(cli, 'import_module', lambda name: calls.append(name) or Module)
    assert main(['export', 'nir', 'c.py', '--out', '-x']) == 0
    assert calls == [
        'spikedense.commands.export_nir',
        (['c.py', '--out', '-x'], 'spikedense export nir'),
    ]


def test_doctor_takes_its_options(capsys: pytest.CaptureFixture) -> None:
    assert said(capsys, 'doctor', '--help').startswith('usage: spikedense doctor')


def test_a_torchvision_that_does_not_fit(tmp_path: Path) -> None:
    package = tmp_path / 'torchvision'
    package.mkdir()
    (package / '__init__.py').write_text(
        "raise RuntimeError('operator torchvision::nms does not exist')\n"
    )
    done = subprocess.run(
        [sys.executable, '-c', 'from spikedense.cli import main; main()', 'train', 'x.py'],
        env={**os.environ, 'PYTHONPATH': os.pathsep.join([str(tmp_path), *sys.path])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith('error: ')]
    assert 'torchvision' in line and 'pip install torch==' in line
    assert 'Traceback' not in done.stderr
