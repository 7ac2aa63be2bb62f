"""Configs that cannot be used."""

from pathlib import Path

import pytest
from mmengine.config import Config

from spikedense.checks.config import library_of, open_config
from spikedense.checks.model import build_model
from spikedense.errors import UserError


def test_unknown_scope() -> None:
    with pytest.raises(UserError, match="default_scope='mmengine'"):
        library_of(Config(dict(default_scope='mmengine')))


@pytest.mark.parametrize(
    ('text', 'said'),
    [('a = 1', 'has no model: is it a config'), ('model = absent', 'cannot be read: name')],
)
def test_config_that_cannot_be_used(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / 'config.py'
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        open_config(str(path))


def test_model_without_a_backbone() -> None:
    cfg = Config(dict(default_scope='mmseg', model=dict(type='EncoderDecoder')))
    with pytest.raises(UserError, match="the config's model has no 'backbone'"):
        build_model(cfg, 'backbone')
