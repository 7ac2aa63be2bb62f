"""`spikedense test`: the checkpoint of a name that stands alone."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from spikedense.utils.config_path import shipped_weights

NAME = 'spikedense/fpn_sdtv3-2.7m_1xb4-2400i_camvid-240x180'


@pytest.fixture
def command() -> ModuleType:
    """The module of the command."""
    import spikedense.commands.test as module

    return module


def test_checkpoint_of_a_name(
    command: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list = []

    def test(config: str, checkpoint: str, **_: Any) -> dict[str, float]:
        made.append((config, checkpoint))
        return {}

    monkeypatch.setattr(command, 'test', test)
    monkeypatch.setenv('SPIKEDENSE_WEIGHTS', str(tmp_path))
    command.main(['demo'])
    command.main(['demo', '--tta', 'a.pth'])
    with pytest.raises(SystemExit, match='2'):
        command.main([NAME])
    assert 'error: no weights of the model' in capsys.readouterr().err
    path = tmp_path / f'{Path(NAME).name}.pth'
    path.touch()
    command.main([NAME, '--tta'])
    assert made == [
        ('demo', str(shipped_weights('demo'))),
        ('demo', 'a.pth'),
        (NAME, str(path)),
    ]
