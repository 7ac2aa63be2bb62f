"""The frame of a command: how the words are parsed, and what a caller in Python gets."""

import argparse
import inspect

import pytest
import torch

from spikedense.commands import spike_inference
from spikedense.commands.command import command
from spikedense.errors import UserError


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument('first')
    parser.add_argument('second', nargs='?')
    parser.add_argument('--number', type=int, default=3)


@command('Say it: ``spikedense say``.\n\nExamples:\n    none', _add_arguments)
def main(args: argparse.Namespace) -> tuple[str, str | None, int]:
    """Say it."""
    if args.number < 0:
        raise UserError(f'--number {args.number}, expected 0 or more')
    return args.first, args.second, args.number


def test_the_result_is_that_of_the_body() -> None:
    assert main(['a']) == ('a', None, 3)
    assert main(['a', '--number', '4', 'b']) == ('a', 'b', 4)


def test_help(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit, match='0'):
        main(['--help'], 'spikedense say')
    said = capsys.readouterr().out
    assert said.startswith('usage: spikedense say [-h] [--number NUMBER] [--debug] first [second]')
    assert 'Say it: spikedense say.\n\nExamples:\n    none\n' in said


def test_errors(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('SPIKEDENSE_DEBUG', raising=False)
    with pytest.raises(SystemExit, match='2'):
        main(['a', '--number', '-1'])
    assert capsys.readouterr().err == 'error: --number -1, expected 0 or more\n'
    with pytest.raises(UserError):
        main(['a', '--number', '-1', '--debug'])


def test_the_signature_is_that_of_the_command() -> None:
    assert list(inspect.signature(main).parameters) == ['argv', 'prog']
    assert (main.__module__, main.__doc__) == (__name__, 'Say it.')


def test_the_twin_is_compared_without_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def opened(*args: object) -> None:
        seen.append(torch.is_grad_enabled())
        raise UserError('enough')

    monkeypatch.setattr(spike_inference, 'open_model', opened)
    with pytest.raises(SystemExit, match='2'):
        spike_inference.main(['demo'])
    assert seen == [False]
    assert torch.is_grad_enabled()
