"""What several processes say when they fail."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from torch.distributed import TCPStore

from spikedense.commands.ranks import say_error


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> TCPStore:
    """The store of a run of two processes."""
    store = TCPStore('127.0.0.1', 0, is_master=True, timeout=timedelta(seconds=5))
    monkeypatch.setenv('MASTER_ADDR', '127.0.0.1')
    monkeypatch.setenv('MASTER_PORT', str(store.port))
    monkeypatch.setenv('WORLD_SIZE', '2')
    return store


def test_one_sentence_of_all_ranks_is_said_once(
    store: TCPStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    for rank, message in (('1', 'no config'), ('0', 'no config'), ('0', 'no image')):
        monkeypatch.setenv('RANK', rank)
        say_error(message)
    said = capsys.readouterr().err.splitlines()
    assert said == ['error: rank 1: no config', 'error: rank 0: no image']


def test_a_rank_without_a_store_speaks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv('RANK', '3')
    monkeypatch.setenv('WORLD_SIZE', '4')
    monkeypatch.setenv('MASTER_ADDR', '127.0.0.1')
    monkeypatch.setenv('MASTER_PORT', '1')
    say_error('no config')
    assert capsys.readouterr().err == 'error: rank 3: no config\n'


@pytest.mark.parametrize(
    ('end', 'code', 'said'),
    [
        ('raise SystemExit(2)', 2, ''),
        (
            'os.kill(os.getpid(), signal.SIGKILL)',
            128 + signal.SIGKILL,
            'error: rank 0: ended by SIGKILL\n',
        ),
    ],
)
def test_the_launcher_adds_no_report(tmp_path: os.PathLike, end: str, code: int, said: str) -> None:
    script = os.path.join(tmp_path, 'ends.py')
    with open(script, 'w') as file:
        file.write(f'import os, signal\n{end}\n')
    done = subprocess.run(
        [sys.executable, '-m', 'spikedense.commands.torchrun', '--standalone', script],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (code, said)
