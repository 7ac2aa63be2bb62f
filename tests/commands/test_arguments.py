"""Arguments that several tools share."""

import argparse

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


def test_a_word_that_is_no_option(capsys: pytest.CaptureFixture) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=OptionsAction)
    assert parser.parse_args(['--cfg-options', 'a.b=1', 'c=x']).cfg_options == {'a.b': 1, 'c': 'x'}
    with pytest.raises(SystemExit):
        parser.parse_args(['--cfg-options', 'a.b'])
    assert "--cfg-options takes KEY=VALUE, not 'a.b'" in capsys.readouterr().err
