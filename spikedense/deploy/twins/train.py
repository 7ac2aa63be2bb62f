"""The twin of a neuron: a train of binary spikes."""

import torch
from torch import Tensor

from spikedense.neurons import BaseNeuron


class SpikeTrain(BaseNeuron):
    """A neuron that sends its integer as binary spikes, one at each virtual step.

    The D virtual steps of a real step are on the batch axis, the fastest of it: image b at virtual
    step d is row ``b * D + d``. The first n steps have a spike (thermometer order). The neuron
    itself fires once in a real step, when all its input has been accumulated.

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
        """Raise an error: the neuron inside runs instead."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        return f'levels={self.levels}'
