"""Inherited answers: of what computes the same, and of nothing else."""

import pytest
from one_branch_net import CFG
from torch import Tensor, nn

from spikedense.models.layers import ChannelMLP
from spikedense.neurons import NILIF, comparing, rescaled_input
from spikedense.utils.answers import ClassTable, Unfoldable, ask


class Quieter(NILIF):
    """A neuron that fires otherwise, and answers nothing."""

    def fire(self, potential: Tensor, norm: float = 1.0) -> Tensor:
        return super().fire(potential - 1, norm)


class Renamed(NILIF):
    """A neuron that only has other defaults."""

    def __init__(self) -> None:
        super().__init__(D=2)


def test_answers_are_inherited_only_by_what_computes_the_same() -> None:
    assert comparing(Quieter()) is None
    with pytest.raises(Unfoldable, match='Quieter has no threshold'):
        rescaled_input(Quieter(), 0.5)
    assert comparing(Renamed()) is not None

    class Tall(ChannelMLP):
        def forward(self, x: Tensor) -> Tensor:
            return 2 * super().forward(x)

    class Told(Tall):
        def out_layer(self) -> nn.Module:
            return self.narrow.conv

    class Taller(Told):
        def forward(self, x: Tensor) -> Tensor:
            return 3 * super().forward(x)

    assert ask(ChannelMLP(8, **CFG), 'out_layer') is not None
    assert ask(Told(8, **CFG), 'out_layer') is not None
    assert ask(Told(8, **CFG), 'no such question') is None
    for cls in (Tall, Taller):
        with pytest.raises(Unfoldable, match=f'{cls.__name__} overrides forward'):
            ask(cls(8, **CFG), 'out_layer')


def test_a_table_finds_classes_and_what_computes_the_same() -> None:
    table: ClassTable[str] = ClassTable()
    table.register(nn.Conv2d)('convolution')

    class Named(nn.Conv2d):
        pass

    class Other(nn.Conv2d):
        def forward(self, x: Tensor) -> Tensor:
            return -super().forward(x)

    assert table.find(nn.Conv2d(1, 1, 1)) == table.find(Named(1, 1, 1)) == 'convolution'
    assert table.find(Other(1, 1, 1)) is None and table.find(nn.Linear(1, 1)) is None
    table.register(Other)('another')
    assert table.find(Other(1, 1, 1)) == 'another'
    assert table.classes == (nn.Conv2d, Other)
