"""Facts from the text of a config."""

import math
from pathlib import Path

import pytest
from mmengine.config import Config

from spikedense.utils.config_reader import read_config
from spikedense.utils.config_text import read_config_text

PROGRAMS = (
    'import os',
    'a = open("x")',
    'a = dict(b=().__class__)',
    'a = dict(**{"b": exec})',
    'a = {**dict()}',
    'a = [x for x in "ab"]',
    'a = "x".upper()',
    'a: int = exec("1")',
    'a, b = 1, 2',
    'a.b = 1',
    'a = {[]: 1}',
    'a = (',
    'a = "\0"',
    '(' * 10_000,
)


@pytest.mark.parametrize('text', PROGRAMS)
def test_a_program_gives_no_values(text: str) -> None:
    assert read_config_text(text) == {}


def test_values_are_read_and_others_left_out() -> None:
    text = (
        'a = dict(b=[1, -2.5, (True, None)], c=dict({"x.y": "z"}, d=inf))\n'
        'import os\nf = os.getcwd()\ng = range(2)\nh = dict(i=os)\n'
    )
    found = read_config_text(text)
    assert found == {
        'a': {'b': [1, -2.5, (True, None)], 'c': {'x.y': 'z', 'd': math.inf}},
        'g': range(2),
    }


def test_what_a_run_saves_is_read_as_a_whole(repo_root: Path) -> None:
    name = 'spike2former/spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'
    text = read_config(str(repo_root / 'configs' / name)).pretty_text
    assert read_config_text(text) == Config.fromstring(text, '.py').to_dict()
