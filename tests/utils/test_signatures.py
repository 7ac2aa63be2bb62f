"""The arguments that a class takes."""

from torch import nn

from spikedense.neurons import ILIF
from spikedense.utils.signatures import accepted_parameters


class _Base(nn.Module):
    def __init__(self, width: int, *, bias: bool = True) -> None:
        super().__init__()


class _Child(_Base):
    def __init__(self, depth: int, **kwargs: int) -> None:
        super().__init__(**kwargs)


class _Open(nn.Module):
    def __init__(self, depth: int, **kwargs: int) -> None:
        super().__init__()


def test_parameters_follow_kwargs_to_the_parents() -> None:
    assert accepted_parameters(_Child) == (['depth', 'width', 'bias'], False)
    assert accepted_parameters(_Open) == (['depth'], True)


def test_a_name_that_parent_and_child_share_is_listed_once() -> None:
    assert accepted_parameters(ILIF)[0].count('D') == 1
