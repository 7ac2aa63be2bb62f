"""`verify`: the stated metric, and integers against spikes, on the demo set."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spikedense.apis import verify as verify_module
from spikedense.commands.verify import main
from spikedense.engine import Float64Hook


@pytest.fixture(scope='session')
def miou(
    trained: tuple[str, str], test_tool: Callable, tmp_path_factory: pytest.TempPathFactory
) -> float:
    """The mIoU of the trained model."""
    folder = tmp_path_factory.mktemp('plain')
    return test_tool([*trained, '--work-dir', str(folder)])['mIoU']


def test_a_true_number_is_verified(
    trained: tuple[str, str], miou: float, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    found = main([*trained, '--work-dir', str(tmp_path), '--expect', f'mIoU={miou:.1f}'])
    assert found.equal and found.as_stated
    assert found.images == 6
    assert found.sha256 == hashlib.sha256(Path(trained[1]).read_bytes()).hexdigest()
    assert found.precision == 'float64'
    printed = capsys.readouterr().out
    assert f'sha256: {found.sha256}' in printed
    assert 'images with different predictions: 0 of 6' in printed
    assert printed.splitlines()[-1] == 'verified'


def test_a_false_number_and_other_spikes_fail(
    trained: tuple[str, str],
    miou: float,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Another bias of the last layer in the second test stands for a wrong twin.
    tests = []

    class Wrong(Float64Hook):
        def before_test_epoch(self, runner: Any) -> None:
            super().before_test_epoch(runner)
            tests.append(runner)
            if len(tests) == 2:
                runner.model.decode_head.conv_seg.bias.data[0] += 100

    monkeypatch.setattr(verify_module, 'Float64Hook', Wrong)
    words = [*trained, '--work-dir', str(tmp_path), '--expect', f'mIoU={miou + 1:.1f}']
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 1
    printed = capsys.readouterr().out
    assert 'DOES NOT HOLD' in printed
    assert 'images with different predictions: 6 of 6' in printed
    assert 'of 4096 labels' in printed
    last = printed.splitlines()[-1]
    assert 'the stated metric does not hold' in last and 'different results' in last


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ([], "no result of 'trained_model'"),
        (['--expect', 'mIoU=high'], "mIoU='high', expected a number"),
        (['--expect', 'mAP=3'], "no metric 'mAP', expected one of aAcc, mIoU"),
    ],
)
def test_refuses(
    trained: tuple[str, str],
    words: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv('SPIKEDENSE_DEBUG', raising=False)
    with pytest.raises(SystemExit) as stop:
        main([*trained, '--work-dir', str(tmp_path), *words])
    assert stop.value.code == 2
    assert said in capsys.readouterr().err
