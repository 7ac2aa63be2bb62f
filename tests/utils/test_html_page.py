"""What the HTML pages share."""

import pytest

from spikedense.utils.html_page import breakable, number


@pytest.mark.parametrize(
    ('value', 'kind', 'said'),
    [
        (None, 'plain', '–'),
        (0.0, 'giga', '0'),
        (2_653_000_000, 'giga', '2.653'),
        (934_500, 'mega', '0.9345'),
        (11188, 'count', '11,188'),
        (0.0259, 'percent', '2.59 %'),
        (123456.0, 'plain', '123,456'),
    ],
)
def test_numbers(value: float | None, kind: str, said: str) -> None:
    assert number(value, kind) == said


def test_breakable_escapes() -> None:
    assert breakable('a.<b>') == 'a.<wbr>&lt;b&gt;'
