"""A neuron that passes its input on, so that a network is linear."""

from torch import Tensor

from spikedense.neurons import BaseNeuron


class Through(BaseNeuron):
    """Passes its input on, so that a network is linear."""

    def __init__(self) -> None:
        super().__init__(1)

    def forward(self, x: Tensor) -> Tensor:
        """``[...] -> [...]``."""
        return x

    def run(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Not called."""
        raise NotImplementedError
