"""The text of a config is laid out once for each content."""

import copy

import pytest
from mmengine.config import Config

from spikedense.utils.config_layout import LaidOutOnce


def test_once_for_each_content(monkeypatch: pytest.MonkeyPatch) -> None:
    laid_out = []

    def counted(text: str, **_: object) -> tuple[str, bool]:
        laid_out.append(text)
        return text + '\n', True

    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', counted)
    plain = Config(dict(model=dict(type='A', width=3), only_in='test_config_layout'))
    cfg = LaidOutOnce.of(plain)
    texts = {cfg.pretty_text, cfg.dump(), copy.deepcopy(cfg).pretty_text}
    assert len(laid_out) == 1
    assert texts == {plain.pretty_text}
    cfg.model.width = 4
    assert 'width=4' in cfg.pretty_text
    assert 'width=4' in copy.deepcopy(cfg).pretty_text
    assert len(laid_out) == 3
