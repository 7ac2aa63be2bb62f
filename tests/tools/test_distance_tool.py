"""The command line of the attention distances, and of the memory of attentions."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import scored_attention  # noqa: F401  (registers the attention of the config)
from mmengine.config import Config
from tool_configs import load_tool

PLACES = [f'backbone.stages.{i}.blocks.0.branches.attn' for i in (3, 4)]
WORDS = ['--shape', '64', '96', '--num-images', '2']


@pytest.fixture
def distance(repo_root: Path) -> Callable:
    return load_tool(repo_root / 'tools' / 'analysis_tools' / 'attention_distance.py').main


@pytest.fixture
def scored(config: Path) -> Path:
    """The tiny config with an attention that tells its weights and its memory."""
    cfg = Config.fromfile(config)
    cfg.model.backbone.attn_cfg = dict(type='ScoredSelfAttention')
    cfg.dump(config)
    return config


def test_report(
    distance: Callable, scored: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    out = tmp_path / 'distance.json'
    report = distance([str(scored), *WORDS, '--radius', '2', '--out', str(out)])
    assert json.loads(out.read_text()) == report
    assert (report['images'], report['image_size'], report['radius']) == (2, [64, 96], 2)
    assert [row['name'] for row in report['attentions']] == PLACES
    assert [(row['height'], row['width']) for row in report['attentions']] == [(4, 6)] * 2
    printed = ' '.join(capsys.readouterr().out.split())
    said = ('ScoredSelfAttention', 'share <= 2', 'uniform', 'test set of the config (2 of 6')
    for words in (*said, 'random weights', f'report: {out}'):
        assert words in printed


def test_errors(distance: Callable, refused: Callable, config: Path, scored: Path) -> None:
    assert 'radius=-1, expected' in refused(distance, scored, *WORDS, '--radius', '-1')
    assert 'expected positive numbers' in refused(distance, scored, '--num-images', '0')
    assert 'nowhere.pth' in refused(distance, scored, 'nowhere.pth')
    assert 'expected a file in a folder' in refused(distance, scored, '--out', 'no/folder/x.json')


def test_a_model_without_such_an_attention(
    distance: Callable, refused: Callable, config: Path
) -> None:
    cfg = Config.fromfile(config)
    cfg.model.backbone.attn_cfg = dict(type='UnscoredSelfAttention')
    cfg.dump(config)
    message = refused(distance, config, *WORDS)
    assert 'EncoderDecoder has no attention that tells its weights' in message
    assert f"'{PLACES[0]}': UnscoredSelfAttention overrides forward" in message


def test_attentions_whose_settings_have_no_weights(
    distance: Callable, refused: Callable, config: Path
) -> None:
    cfg = Config.fromfile(config)
    cfg.model.backbone.attn_cfg = dict(type='LRFDynamicAttention', lrf_on='u')
    cfg.dump(config)
    message = refused(distance, config, *WORDS)
    assert f"'{PLACES[0]}': lrf_on='u': its local term reads no values" in message


def test_memory_in_the_energy_report(
    repo_root: Path, scored: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_energy = load_tool(repo_root / 'tools' / 'analysis_tools' / 'get_energy.py').main
    # The new process that measures has to find the attention of the tests.
    monkeypatch.setenv('PYTHONPATH', os.pathsep.join(sys.path))
    cfg = Config.fromfile(scored)
    cfg.custom_imports = dict(imports=['scored_attention'], allow_failed_imports=False)
    cfg.dump(scored)
    report = get_energy([str(scored), *WORDS, '--memory'])
    found = report['attention_memory']
    assert [row['name'] for row in found['modules']] == PLACES
    assert found['sum']['streaming'] == sum(row['bytes']['streaming'] for row in found['modules'])
    peak = report['peak_memory']
    assert peak['part'] == 'model'
    assert 0 < peak['built_mib'] <= peak['forward_mib']
    printed = ' '.join(capsys.readouterr().out.split())
    for words in (
        'Memory of the attentions',
        'all together',
        'measured peak',
        'cannot be compared',
    ):
        assert words in printed
