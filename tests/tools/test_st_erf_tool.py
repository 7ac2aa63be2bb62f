"""The command line of the receptive fields."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from tool_configs import load_tool

from spikedense.analysis.erf import ERFResult

WORDS = ['--shape', '64', '96', '--num', '2']


@pytest.fixture
def erf(repo_root: Path) -> Callable:
    return load_tool(repo_root / 'tools' / 'analysis_tools' / 'st_erf.py').main


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], Path]]:
    """Names and folder of what would be drawn; figures and page have tests of their own."""
    calls: list[tuple[list[str], Path]] = []

    def draw(results: Sequence[ERFResult], folder: Path) -> Path:
        calls.append(([one.model for one in results], folder))
        return folder / 'erf.html'

    for name in ('write_figures', 'write_page'):
        monkeypatch.setattr(f'spikedense.commands.erf.{name}', draw)
    return calls


def test_results(
    erf: Callable,
    config: Path,
    demo_root: Path,
    tmp_path: Path,
    drawn: list[tuple[list[str], Path]],
    capsys: pytest.CaptureFixture,
) -> None:
    out, photos = tmp_path / 'out', demo_root / 'images' / 'val'
    layers = ['stages', 'neck[1]', 'decode_head.scale_heads.0']
    (first,) = erf([str(config), *WORDS, '--out', str(out / 'first'), '--layers', *layers])
    loaded = ERFResult.load(out / 'first')
    assert list(loaded.maps) == list(first.maps)
    assert list(first.maps)[-3:] == ['stage4', *layers[1:]]
    numbers = json.loads((out / 'first' / 'metrics.json').read_text())
    assert numbers['layers'].keys() == first.maps.keys()
    assert (numbers['num_images'], numbers['inputs']) == (2, 'noise')
    # A former result, and the same config on images with another stimulus.
    results = erf(
        [str(config), *WORDS, '--out', str(out / 'both'), '--images', str(photos)]
        + ['--compare', str(out / 'first'), '--names', 'images', 'noise', '--t-out', 'last']
    )
    assert [one.model for one in results] == ['images', 'noise']
    assert np.array_equal(results[1].maps['stage0'], first.maps['stage0'])
    assert not np.array_equal(results[0].maps['stage0'], first.maps['stage0'])
    assert {path.name for path in (out / 'both').iterdir()} >= {'images', 'noise'}
    assert drawn == [([config.stem], out / 'first')] * 2 + [(['images', 'noise'], out / 'both')] * 2
    printed = ' '.join(capsys.readouterr().out.split())
    for words in ('area@0.5', 'stage0', 'NILIF(D=4', f'results: {out / "both"}'):
        assert words in printed


def test_errors(erf: Callable, refused: Callable, config: Path) -> None:
    out = [*WORDS, '--out', 'out']
    assert "layer 'bckbone' names no module" in refused(erf, config, *out, '--layers', 'bckbone')
    assert 'expected positive numbers' in refused(erf, config, *out, '--num', '0')
    assert 'nowhere.pth' in refused(erf, config, 'nowhere.pth', *out)
    assert 'is a file, expected a folder' in refused(erf, config, *WORDS, '--out', config)
    assert 'expected its config before it' in refused(erf, config, *out, '--compare', 'a.pth')
    assert 'expected 1 different names' in refused(erf, config, *out, '--names', 'a', 'b')
    assert 'expected another number of time steps' in refused(erf, config, *out, '--move', '2')
