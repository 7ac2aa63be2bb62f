"""The command line of the energy report."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tool_configs import load_tool

from spikedense.utils.config_path import shipped_weights

CONFIG = 'fpn_sdtv2-demo-nilif-1x4_1xb8-300i_demo-128x128'


@pytest.fixture
def get_energy(repo_root: Path) -> Callable[[list[str]], dict]:
    return load_tool(repo_root / 'tools' / 'analysis_tools' / 'get_energy.py').main


def test_report(get_energy: Callable, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    out = tmp_path / 'energy.json'
    words = ['--shape', '64', '96', '--data', 'random', '--num-images', '1', '--spikingjelly']
    report = get_energy([CONFIG, *words, '--out', str(out)])
    assert json.loads(out.read_text()) == report
    assert report['image_size'] == [64, 96]
    printed = ' '.join(capsys.readouterr().out.split())
    for words in ('normal noise', 'random weights', 'float ANN', 'SpikingJelly', 'Horowitz'):
        assert words in printed


def test_shipped_checkpoint_is_recorded(get_energy: Callable) -> None:
    report = get_energy(['demo', '--shape', '32', '32', '--data', 'random', '--num-images', '1'])
    assert report['checkpoint'] == str(shipped_weights('demo'))
    assert 'random weights' not in report['source']


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--shape', '0', '64'], 'expected positive numbers'),
        (['--num-images', '0', '--data', 'random'], 'expected positive numbers'),
        (['--data', 'nowhere'], 'nowhere'),
        (['--out', 'no/folder/energy.json'], 'expected a file in a folder'),
        (['--cfg-options', 'model.backbone.T=0'], 'T=0'),
    ],
)
def test_errors(
    get_energy: Callable, words: list[str], said: str, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as stop:
        get_energy([CONFIG, *words])
    assert stop.value.code not in (0, None)
    message = capsys.readouterr().err + str(stop.value.code)
    assert said in message
    assert 'Traceback' not in message


def test_missing_checkpoint(get_energy: Callable, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        get_energy([CONFIG, 'nowhere.pth', '--data', 'random'])
    assert 'nowhere.pth' in capsys.readouterr().err
