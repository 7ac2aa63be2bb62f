"""The end of a command line that failed."""

import os
import signal
from pathlib import Path

import pytest

from spikedense.commands import report_errors
from spikedense.errors import UserError
from spikedense.utils.files import complete_or_absent


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError), report_errors():
        print(1 / 0)


def test_every_process_says_its_own_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.delenv('SPIKEDENSE_DEBUG', raising=False)
    for rank, expected in (('0', 'error: no\n'), ('1', 'error: rank 1: no\n')):
        monkeypatch.setenv('LOCAL_RANK', rank)
        with pytest.raises(SystemExit) as stop, report_errors():
            raise UserError('no.\n')
        assert stop.value.code == 2
        assert capsys.readouterr().err == expected


def test_interrupt_is_not_an_error(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as stop, report_errors():
        raise KeyboardInterrupt
    assert stop.value.code == 130
    assert 'interrupted' in capsys.readouterr().err


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_leaves_nothing_half_written(
    tmp_path: Path, capsys: pytest.CaptureFixture, number: int
) -> None:
    path, before = tmp_path / 'a.txt', signal.getsignal(number)
    with pytest.raises(SystemExit) as stop, report_errors(), complete_or_absent(path) as part:
        part.write_text('half')
        os.kill(os.getpid(), number)
    assert stop.value.code == 128 + number
    assert capsys.readouterr().err == '\ninterrupted\n'
    assert not list(tmp_path.iterdir())
    assert signal.getsignal(number) is before
