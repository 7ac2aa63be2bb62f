"""The command line that publishes weights."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tool_configs import load_tool

from spikedense.inference.model import open_model
from spikedense.weights import read_checkpoint


@pytest.fixture(scope='module')
def publish_tool(repo_root: Path) -> Callable:
    """`main` of tools/publish.py."""
    return load_tool(repo_root / 'tools' / 'publish.py').main


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_published_weights_open_the_model(
    publish_tool: Callable,
    trained: tuple[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    suffix: str,
) -> None:
    config, checkpoint = trained
    publish_tool([checkpoint, str(tmp_path / f'tiny{suffix}'), '--config', config])
    said = capsys.readouterr().out
    path = next(tmp_path.iterdir())
    assert str(path) in said and 'sha256: ' + path.stem.split('-')[1] in said
    models = [open_model(config, str(each))[1] for each in (checkpoint, path)]
    states = [model.state_dict() for model in models]
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    facts = read_checkpoint(path)['meta']
    assert facts['config_name'] == 'trained_model' and len(facts['dataset_meta']['classes']) == 9
    assert facts['neurons'][0]['type'].endswith('NILIF')


def test_a_spike_driven_twin_is_published(
    repo_root: Path,
    publish_tool: Callable,
    test_tool: Callable,
    trained: tuple[str, str],
    tmp_path: Path,
) -> None:
    config, checkpoint = trained
    twin = tmp_path / 'twin.pth'
    tool = load_tool(repo_root / 'tools' / 'deployment' / 'to_spike_inference.py')
    tool.main([config, checkpoint, '--save', str(twin)])
    publish_tool([str(twin), str(tmp_path / 'twin.safetensors')])
    published = next(tmp_path.glob('*.safetensors'))
    found = [
        test_tool([config, str(path), '--work-dir', str(tmp_path / path.suffix)])
        for path in (twin, published)
    ]
    assert found[0]['mIoU'] == found[1]['mIoU'] > 0
