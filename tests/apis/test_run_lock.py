"""One training in one folder."""

import fcntl
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from spikedense.apis.run_lock import LOCK_NAME, sole_training
from spikedense.errors import UserError


def _hold(work_dir: Path, worker: bool = False) -> tuple[int, int]:
    """Fork a process that holds the lock until it is killed; its worker outlives it."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with sole_training(str(work_dir), 'none'):
            other = os.fork() if worker else os.getpid()
            if other:
                os.write(writer, f'{other}\n'.encode())
            signal.pause()
    os.close(writer)
    with os.fdopen(reader) as file:
        return child, int(file.readline())


def _kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)


def test_a_second_training_is_refused(tmp_path: Path) -> None:
    holder, _ = _hold(tmp_path / 'run')
    try:
        with (
            pytest.raises(UserError, match=f"run' belongs to the training of process {holder}, "),
            sole_training(str(tmp_path / 'run'), 'none'),
        ):
            pass
        assert (tmp_path / 'run' / LOCK_NAME).is_file()
        # Other folders, and the other processes of the same run.
        with sole_training(str(tmp_path / 'other'), 'none'):
            pass
    finally:
        _kill(holder)
    with sole_training(str(tmp_path / 'run'), 'none'):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ['run']
    assert not list((tmp_path / 'run').iterdir())


def test_a_worker_does_not_hold_the_lock_of_a_killed_run(tmp_path: Path) -> None:
    holder, worker = _hold(tmp_path, worker=True)
    try:
        _kill(holder)
        with sole_training(str(tmp_path), 'none'):
            pass
    finally:
        os.kill(worker, signal.SIGKILL)


def test_only_the_first_process_of_a_run_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('RANK', '0')
    with sole_training(str(tmp_path), 'pytorch'):
        monkeypatch.setenv('RANK', '1')
        with sole_training(str(tmp_path), 'pytorch'):
            pass
        monkeypatch.setenv('SLURM_PROCID', '0')
        with pytest.raises(UserError), sole_training(str(tmp_path), 'slurm'):
            pass


def test_a_file_system_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(38, 'Function not implemented')

    monkeypatch.setattr(fcntl, 'flock', refuse)
    with sole_training(str(tmp_path / 'run'), 'none'):
        assert not list((tmp_path / 'run').iterdir())
    assert "run' cannot be locked (Function not implemented)" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).mkdir()
    with (
        pytest.raises(
            UserError, match=f"cannot write to the work dir '{tmp_path}': Is a directory"
        ),
        sole_training(str(tmp_path), 'none'),
    ):
        pass
