"""Phrases that several messages share."""

from spikedense.utils.wording import some_of


def test_few_names_are_listed_and_many_are_counted() -> None:
    assert some_of(iter('ab')) == 'a, b'
    assert some_of('abc') == 'a, b, c'
    assert some_of('abcde') == 'a, b, c and 2 more'
