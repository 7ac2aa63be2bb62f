"""Exceptions turned into one sentence."""

import re
import runpy
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from mmengine.registry import Registry

from spikedense.utils.explain import translate

BUILDERS = Registry('builder')


@BUILDERS.register_module()
class _Picky:
    def __init__(self, depth: int, name: str = 'a') -> None:
        if depth < 1:
            raise ValueError(f'depth is {depth}, expected 1 or more.')


def _failure(**cfg: object) -> Exception:
    with pytest.raises(Exception) as caught:
        BUILDERS.build(cfg)
    return caught.value


@pytest.mark.parametrize(
    ('cfg', 'sentence'),
    [
        (dict(type='_Picky', depth=0), '_Picky: depth is 0, expected 1 or more'),
        (
            dict(type='_Picky', depht=1),
            "_Picky takes no argument 'depht'; did you mean 'depth'?",
        ),
        (dict(type='_Picky'), "_Picky needs 'depth', which the config does not give"),
        (
            dict(type='_Pickie'),
            "the config names an unknown builder type='_Pickie'",
        ),
    ],
)
def test_complaints_about_a_config(cfg: dict, sentence: str) -> None:
    assert translate(_failure(**cfg)) == sentence


@pytest.mark.parametrize(
    ('statement', 'sentence'),
    [
        ('assert len(widths) == depth', 'widths=[8], depth=2, expected len(widths) == depth'),
        ('assert (len(widths)\n == depth)', 'its arguments in the config do not fit'),
    ],
)
def test_assertion_without_a_message(tmp_path: Path, statement: str, sentence: str) -> None:
    # In a file of its own, for pytest rewrites the assertions of tests.
    file = tmp_path / 'assertive.py'
    head = 'class Assertive:\n    def __init__(self, widths, depth=2):\n        '
    file.write_text(head + statement)
    built = runpy.run_path(str(file))['Assertive']
    BUILDERS.register_module(name='Assertive', force=True, module=built)
    assert translate(_failure(type='Assertive', widths=[8])) == f'Assertive: {sentence}'


def test_missing_data_gets_a_hint(tmp_path: Path) -> None:
    for folder, hinted in (('data', True), ('elsewhere', False)):
        with pytest.raises(FileNotFoundError) as caught:
            (tmp_path / folder / 'a.png').read_bytes()
        sentence = translate(caught.value)
        assert str(tmp_path / folder / 'a.png') in sentence
        assert ('docs/data.md' in sentence) is hinted


def test_torchvision_of_another_torch() -> None:
    sentence = translate(RuntimeError('operator torchvision::nms does not exist'))
    torch_version, torchvision_version = version('torch'), version('torchvision')
    assert f'torchvision {torchvision_version} was not built for torch {torch_version}' in sentence
    assert re.search(r'pip install torch==[\d.]+ torchvision==[\d.]+`$', sentence)


def test_lack_of_memory() -> None:
    assert 'batch_size' in translate(torch.OutOfMemoryError('CUDA out of memory'))


def test_a_bug_has_no_sentence() -> None:
    assert translate(ValueError('a bug')) is None
    assert translate(KeyError('a bug')) is None
