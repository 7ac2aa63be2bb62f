"""Phrases that several messages share."""

from spikedense.utils.wording import shorten, some_of


def test_few_names_are_listed_and_many_are_counted() -> None:
    assert some_of(iter('ab')) == 'a, b'
    assert some_of('abc') == 'a, b, c'
    assert some_of('abcde') == 'a, b, c and 2 more'


def test_shorten_keeps_both_ends() -> None:
    name = 'backbone.stages.3.blocks.1.branches.attn.neuron'
    short = shorten(name, 20)
    assert len(short) == 20
    assert name.startswith(short.partition('…')[0])
    assert name.endswith(short.partition('…')[2])
    assert shorten(name, len(name)) == name
