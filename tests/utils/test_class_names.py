"""Names of classes in configs."""

import pytest

from spikedense.utils.class_names import class_name


@pytest.mark.parametrize(
    ('cfg', 'name'),
    [
        (dict(type='IoUMetric'), 'IoUMetric'),
        (dict(type='mmseg.IoUMetric'), 'IoUMetric'),
        (dict(type=dict), 'dict'),
        (dict(), ''),
    ],
)
def test_the_bare_name(cfg: dict, name: str) -> None:
    assert class_name(cfg) == name
