"""The twin of a neuron: a train of binary spikes."""

import torch
from torch import Tensor

from spikedense.neurons import BaseNeuron


class SpikeTrain(BaseNeuron):
    """A neuron that sends an integer as binary spikes over D virtual steps.

    The virtual steps are merged into the batch axis: row ``b * D + d`` is image b at virtual step
    d. An integer n gives a spike at each of the first n virtual steps (thermometer order). The
    neuron inside fires once in each real step, after its whole input has been accumulated.

    Args:
        neuron: The neuron, of norm 1.
    """

    def __init__(self, neuron: BaseNeuron) -> None:
        super().__init__(1, 1.0, neuron.stateful, False)
        self.levels = neuron.D
        self.neuron = neuron

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, ...] -> [T, B * D, ...]``, zeros and ones."""
        counts = self.neuron(x)
        planes = [counts > level for level in range(self.levels)]
        return torch.stack(planes, 2).flatten(1, 2).to(x.dtype)

    def run(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Raise an error, because ``forward`` runs the neuron inside."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        return f'levels={self.levels}'
