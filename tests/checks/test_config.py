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


@pytest.mark.parametrize(
    ('text', 'said'),
    [
        ('model = 5', "model=5, expected a dict with a 'type'"),
        ('model = dict(a=1)', "expected a dict with a 'type'"),
        ('model = 1 / 0', 'cannot be read: division by zero'),
        ('import nowhere_at_all', "for No module named 'nowhere_at_all'"),
        ('from nowhere_at_all import A\nmodel = dict(type=A)', 'nowhere_at_all in .*line 1'),
        ("custom_imports = dict(imports=['nowhere_at_all'])", "no module 'nowhere_at_all'"),
    ],
)
def test_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / 'config.py'
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        open_config(str(path))


NAMES = "_base_ = []\nmodel = dict(type='EncoderDecoder')\n"
CLASSES = 'from mmseg.models import EncoderDecoder\nmodel = dict(type=EncoderDecoder)\n'


@pytest.mark.parametrize(
    ('base', 'text', 'said'),
    [
        (
            NAMES,
            'from mmengine.config import read_base\nwith read_base():\n    from .base import *\n',
            r"config.py' uses read_base\(\) or imports classes, but its base '.*base.py' names its",
        ),
        (
            CLASSES,
            "_base_ = './base.py'\n",
            r"config.py' names its base by _base_, but its base '.*base.py' uses read_base\(\) or",
        ),
    ],
)
def test_bases_of_the_other_style(tmp_path: Path, base: str, text: str, said: str) -> None:
    (tmp_path / 'base.py').write_text(base)
    path = tmp_path / 'config.py'
    path.write_text(text)
    with pytest.raises(UserError, match=said):
        open_config(str(path))


def test_imports_of_an_option(tmp_path: Path) -> None:
    path = tmp_path / 'config.py'
    path.write_text(NAMES)
    with pytest.raises(UserError, match="no module 'nowhere_at_all'"):
        open_config(str(path), {'custom_imports.imports': ['nowhere_at_all']})


def test_model_without_a_backbone() -> None:
    cfg = Config(dict(default_scope='mmseg', model=dict(type='EncoderDecoder')))
    with pytest.raises(UserError, match="the config's model has no 'backbone'"):
        build_model(cfg, 'backbone')
