"""The config beside a converted checkpoint keeps its environment variables."""

from pathlib import Path

import pytest

from spikedense.checks.config import open_config
from spikedense.converters import portable_text

NAME = 'spike2former/spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'


@pytest.mark.parametrize('root', ['/machine/sets', None])
def test_data_root_is_asked_again(
    root: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv('DATA_ROOT', raising=False)
    if root is not None:
        monkeypatch.setenv('DATA_ROOT', root)
    cfg = open_config(NAME)
    text = portable_text(cfg)
    assert '/machine' not in text
    path = tmp_path / 'cfg.py'
    path.write_text(text)
    assert open_config(str(path)).to_dict() == cfg.to_dict()
    monkeypatch.setenv('DATA_ROOT', '/elsewhere')
    dataset = open_config(str(path)).test_dataloader.dataset
    assert dataset.data_root == '/elsewhere/ade/ADEChallengeData2016'
