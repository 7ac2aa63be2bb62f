"""The end of a command line that failed."""

import pytest

from spikedense.commands import report_errors
from spikedense.errors import UserError


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
