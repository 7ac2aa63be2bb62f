"""`spikedense infer`: which words name the model, and which ones are inputs."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spikedense.commands import infer


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list:
    """What the command opens, and which inputs it predicts."""
    made: list = []

    def opened(*names: Any, **_: Any) -> SimpleNamespace:
        made.append(names)
        return SimpleNamespace(
            left_out=[],
            cfg=SimpleNamespace(filename='a.py'),
            predict=lambda inputs, **_: made.append(inputs) or inputs,
        )

    monkeypatch.setattr(infer, 'open_inferencer', opened)
    monkeypatch.setattr(infer, 'open_onnx_inferencer', opened)
    return made


@pytest.mark.parametrize(
    ('words', 'model', 'inputs'),
    [
        ('a.py a.pth 1.png 2.png --out-dir x', ('a.py', 'a.pth'), ['1.png', '2.png']),
        ('a.py a.pth --out-dir x 1.png 2.png', ('a.py', 'a.pth'), ['1.png', '2.png']),
        ('--out-dir x a.py --no-json a.pth 1.png', ('a.py', 'a.pth'), ['1.png']),
        ('demo 1.png 2.png --out-dir x', ('demo',), ['1.png', '2.png']),
        ('--out-dir x demo 1.png', ('demo',), ['1.png']),
        ('spikedense/a 1.png --out-dir x 2.png', ('spikedense/a',), ['1.png', '2.png']),
        ('1.png --onnx f 2.png', ('f',), ['1.png', '2.png']),
        ('--onnx=f 1.png 2.png 3.png', ('f',), ['1.png', '2.png', '3.png']),
        ('a.py a.pth -- -1.png', ('a.py', 'a.pth'), ['-1.png']),
    ],
)
def test_model_and_inputs(
    calls: list, words: str, model: tuple[str, ...], inputs: list[str]
) -> None:
    assert infer.main(words.split()) == len(inputs)
    assert calls == [model, inputs]


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        ('', 'expected the words CONFIG WEIGHTS INPUTS..., found none of them'),
        ('a.py a.pth', "expected the words CONFIG WEIGHTS INPUTS..., found 'a.py a.pth'"),
        ('demo', "expected the words demo INPUTS..., found 'demo'"),
        ('--onnx f', 'expected the words INPUTS..., found none of them'),
    ],
)
def test_no_input(
    calls: list,
    words: str,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv('SPIKEDENSE_DEBUG', raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match='2'):
        infer.main(words.split())
    assert capsys.readouterr().err == f'error: {said}\n'
    assert calls == [] and list(tmp_path.iterdir()) == []
