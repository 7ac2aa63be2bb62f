"""Nearest names, and the arguments that a class takes."""

from torch import nn

from spikedense.apis.known_names import accepted_parameters, find_class, nearest


class _Base(nn.Module):
    def __init__(self, width: int, *, bias: bool = True) -> None:
        super().__init__()


class _Child(_Base):
    def __init__(self, depth: int, **kwargs: int) -> None:
        super().__init__(**kwargs)


class _Open(nn.Module):
    def __init__(self, depth: int, **kwargs: int) -> None:
        super().__init__()


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


def test_parameters_follow_kwargs_to_the_parents() -> None:
    assert accepted_parameters(_Child) == (['depth', 'width', 'bias'], False)
    assert accepted_parameters(_Open) == (['depth'], True)


def test_classes_are_found_in_every_scope() -> None:
    assert find_class('spikedense.SpikeFPN', 'mmseg').__name__ == 'SpikeFPN'
    assert find_class('EncoderDecoder', 'mmseg').__module__.startswith('mmseg.')
    assert find_class('AdamW', 'mmseg').__name__ == 'AdamW'
    assert find_class('Nonsense', 'mmseg') is None
