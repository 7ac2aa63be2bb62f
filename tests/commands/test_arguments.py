"""Arguments that several tools share."""

import argparse
from typing import Any

import pytest

from spikedense.analysis.energy import EnergySettings
from spikedense.commands.arguments import OptionsAction, add_energy_arguments, energy_settings


@pytest.mark.parametrize(
    ('words', 'settings'),
    [
        ([], EnergySettings()),
        (
            ['--mode', 'strict', '--attention', 'product', '--order', 'quadratic']
            + ['--unmerged', '--merge-separable', '--stem-once'],
            EnergySettings('strict', 'product', False, False, True, 'quadratic'),
        ),
    ],
)
def test_settings_of_the_arguments(words: list[str], settings: EnergySettings) -> None:
    parser = argparse.ArgumentParser()
    add_energy_arguments(parser)
    assert energy_settings(parser.parse_args(words)) == settings


FLIP = dict(type='RandomFlip', prob=0.5)


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        (
            "[dict(type='RandomFlip', prob=0.5),dict(type='X', size=(1, -2))]",
            [FLIP, dict(type='X', size=(1, -2))],
        ),
        ('[{"type": "RandomFlip", "prob": 0.5}]', [FLIP]),
        # Shells take quotes away.
        ('dict(type=RandomFlip,prob=0.5)', FLIP),
        ('(dict(type=spikedense.SDTV3,norm=None),)', (dict(type='spikedense.SDTV3', norm=None),)),
        # mmengine's own forms.
        ('[(1,2),(3,4)]', [(1, 2), (3, 4)]),
        ('a,b', ['a', 'b']),
        ('weights{1}.pth', 'weights{1}.pth'),
        ('data root/link ü', 'data root/link ü'),
        ('[traffic light, car, (a b,c)]', ['traffic light', 'car', ('a b', 'c')]),
        ('( 1, 2 )', (1, 2)),
    ],
)
def test_values_of_options(text: str, value: Any) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction)
    assert parser.parse_args(['--cfg-options', f'a.b={text}']).cfg_options == {'a.b': value}


@pytest.mark.parametrize('text', ['[dict(a=1]', '[dict(a=1+b)]', '[dict(1)]', 'f(1,2)', '[1,(2'])
def test_values_that_cannot_be_read(text: str, capsys: pytest.CaptureFixture) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction)
    with pytest.raises(SystemExit, match='2'):
        parser.parse_args(['--cfg-options', f'key={text}'])
    assert f'--cfg-options key={text}: ' in capsys.readouterr().err


def test_a_word_that_is_no_option(capsys: pytest.CaptureFixture) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction)
    assert parser.parse_args(['--cfg-options', 'a.b=1', 'c=x']).cfg_options == {'a.b': 1, 'c': 'x'}
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', 'a.b'])
    assert "--cfg-options takes KEY=VALUE, not 'a.b'" in capsys.readouterr().err
