"""An official checkpoint where one of this package is expected: one sentence with the command."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from official_states import OFFICIAL, official_state
from reduced_models import build_model

from spikedense.errors import UserError
from spikedense.inference import open_inferencer
from spikedense.inference.model import open_model


@pytest.fixture(params=OFFICIAL)
def official(
    request: pytest.FixtureRequest, reference_dir: Path, tmp_path: Path, trained: tuple[str, str]
) -> Path:
    """An official file, whose keys that the model has too fit by chance, shape by shape."""
    state = official_state(request.param, reference_dir)
    own = build_model(Config.fromfile(trained[0])).state_dict()
    chance = {key: value for key, value in own.items() if key in state}
    assert ('decode_head.conv_seg.weight' in chance) == ('FPN' in request.param)
    path = tmp_path / 'official.pth'
    torch.save({'state_dict': {**state, **chance}}, path)
    return path


def sentence(path: Path) -> str:
    """What each of them says."""
    return (
        rf"^(error: )?the checkpoint '{path}' has official keys "
        r'\((Spike-driven Transformer|SpikingResformer).*\), '
        r'expected keys of spikedense; `spikedense convert '
        rf'{path} NEW\.pth` converts it$'
    )


@pytest.mark.parametrize('option', [[], ['--partial']])
def test_in_a_test(
    official: Path,
    test_tool: Callable,
    trained: tuple[str, str],
    tmp_path: Path,
    option: list[str],
    capsys: pytest.CaptureFixture,
) -> None:
    with pytest.raises(SystemExit) as stop:
        test_tool([trained[0], str(official), '--work-dir', str(tmp_path / 'run'), *option])
    assert stop.value.code == 2
    (error,) = [ln for ln in capsys.readouterr().err.splitlines() if ln.startswith('error: ')]
    assert re.search(sentence(official), error)


def test_in_the_inferencer(official: Path, trained: tuple[str, str]) -> None:
    """The inferencer converts the file, which is of another model."""
    with pytest.raises(UserError, match=r"checkpoint '.*official\.pth'.* fits? the model") as error:
        open_inferencer(trained[0], official, 'cpu')
    assert 'spikedense convert' not in str(error.value)


def test_in_the_analysis_tools(official: Path, trained: tuple[str, str]) -> None:
    with pytest.raises(UserError, match=sentence(official)):
        open_model(trained[0], str(official))
