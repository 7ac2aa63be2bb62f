"""The summary of firing statistics, and alarms."""

from dataclasses import replace

import pytest
from firing_statistics import EXPECTED, FULL, SILENT

from spikedense.analysis.firing import FiringAlarms, summarise

SOME = replace(EXPECTED, rate=0.0002)


def test_summary() -> None:
    assert summarise({'a': EXPECTED, 'b': SILENT, 'c': FULL}) == pytest.approx(
        {
            'neurons': 3,
            'silent_neurons': 1,
            'saturated_neurons': 1,
            'dead_units': 3 / 9,
            'always_on_units': 4 / 9,
            'mean_rate': (12 * EXPECTED.rate + 36) / 52,
            'saturated': (2 + 36) / 52,
        }
    )
    assert set(summarise({}).values()) == {0}


def test_alarms() -> None:
    assert FiringAlarms().check({'a': EXPECTED}) == []
    assert FiringAlarms(max_rate=0.5).check({'a.neuron': SOME, 'b': SILENT, 'c': FULL}) == [
        'spike degradation: a.neuron fires at a rate of 0.0002, expected at least 0.001 (min_rate)',
        'spike degradation: b fires at a rate of 0, expected at least 0.001 (min_rate)',
        'dead units: 100.0% of the 2 units of b never fire, expected at most 0.9 (max_dead)',
        'excess firing: c fires at a rate of 1, expected at most 0.5 (max_rate)',
        'saturation: c emits D=2 at a share of 1 of its elements, expected at most 0.9 '
        '(max_saturated)',
        'always on: 100.0% of the 3 units of c always fire, expected at most 0.9 (max_always_on)',
    ]
    lenient = FiringAlarms(min_rate=0, max_dead=1, max_saturated=1, max_always_on=1)
    assert lenient.check({'b': SILENT, 'c': FULL}) == []


@pytest.mark.parametrize(
    ('cfg', 'said'),
    [
        (dict(min_rate=-0.1), r'alarms: min_rate=-0\.1, expected a number from 0 to 1'),
        (dict(max_dead=None), r'alarms: max_dead=None, expected a number from 0 to 1'),
        (dict(max_saturated=True), r'alarms: max_saturated=True, expected'),
        (dict(max_always_on=float('nan')), r'alarms: max_always_on=nan, expected'),
        (dict(max_rate='a'), r"alarms: max_rate='a', expected"),
        (dict(max_rate=0.1, min_rate=0.2), r'max_rate=0\.1, expected at least min_rate=0\.2'),
        (dict(minrate=0.1), r"alarms: no threshold 'minrate', expected min_rate, max_rate,"),
        (3, r'alarms=3, expected a dict of min_rate'),
    ],
)
def test_alarms_that_make_no_sense(cfg: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        FiringAlarms.from_config(cfg)
