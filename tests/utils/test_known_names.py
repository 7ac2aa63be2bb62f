"""Registered names, and the nearest of them."""

from spikedense.utils.known_names import find_class, nearest


def test_nearest_name() -> None:
    assert nearest('dept', ['depth', 'width']) == "; did you mean 'depth'?"
    assert nearest('xyz', ['depth', 'width']) == '; known: depth, width'
    assert nearest('xyz', []) == ''
    assert nearest('xyz', [str(number) for number in range(100)]) == ''


def test_scopes_do_not_count_as_likeness() -> None:
    assert nearest('SpikeFPM', ['spikedense.SpikeFPN', 'FPN']) == (
        "; did you mean 'spikedense.SpikeFPN'?"
    )
    assert 'Bert' not in nearest('mmdet.Detector', ['mmdet.Bert', *map(str, range(20))])
    assert "'b.Net'" in nearest('b.Nett', ['a.Net', 'b.Net', 'c.Net'])


def test_classes_are_found_in_every_scope() -> None:
    assert find_class('spikedense.SpikeFPN', 'mmseg').__name__ == 'SpikeFPN'
    assert find_class('EncoderDecoder', 'mmseg').__module__.startswith('mmseg.')
    assert find_class('AdamW', 'mmseg').__name__ == 'AdamW'
    assert find_class('Nonsense', 'mmseg') is None
