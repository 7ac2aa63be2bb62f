"""The neuron of deployed integer models, which compares instead of rounding."""

import copy

import torch
from torch import Tensor

from .base import BaseNeuron


class ThresholdNeuron(BaseNeuron):
    r"""NI-LIF as a comparison with D thresholds, for currents that are not yet scaled.

    For a current :math:`X` this neuron emits what NI-LIF emits for :math:`g X`:

    .. math::
        n[t] = \sum_{j=1}^{D} [U[t] \ge \theta_j], \qquad
        \theta_j = (j - \tfrac12) / g, \qquad H[t] = \beta (U[t] - n[t] / g)

    A potential equal to a threshold reaches it if NI-LIF rounds up there: at each threshold with
    ``rounding='half_up'``, at every second one with ``rounding='even'``.

    Args:
        D: Largest integer.
        norm: Divisor of the output.
        gain: The factor :math:`g` that a multiplication of the current would have.
        beta, stateful, rounding: See :class:`NILIF`.
        thresholds: The :math:`\theta_j`; None means those of the equation.
    """

    def __init__(
        self,
        D: int,
        norm: float = 1.0,
        gain: float = 1.0,
        beta: float = 0.25,
        stateful: bool = True,
        rounding: str = 'even',
        thresholds: list[float] | None = None,
        keep_state: bool = False,
    ) -> None:
        super().__init__(D, norm, stateful, keep_state)
        self.thresholds = thresholds or [(j + 0.5) / gain for j in range(D)]
        self.gain = gain
        self.beta = beta
        self.rounding = rounding

    def run(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """See :meth:`BaseNeuron.run`."""
        if len(x) == 1 and membrane is None and not self.keep_state:
            count = self.count(x)
            return count if self.norm == 1 else count / self.norm, None
        spikes = []
        for current in x:
            potential = current if membrane is None else membrane + current
            count = self.count(potential)
            spikes.append(count)
            emitted = count if self.gain == 1 else count / self.gain
            membrane = self.beta * (potential - emitted)
        out = torch.stack(spikes)
        return out if self.norm == 1 else out / self.norm, membrane

    def count(self, potential: Tensor) -> Tensor:
        """Count the thresholds that each potential reaches."""
        total = torch.zeros_like(potential)
        for j, threshold in enumerate(self.thresholds):
            total += potential >= threshold if self._fires_on_tie(j) else potential > threshold
        return total

    def rescaled_input(self, gain: float) -> 'ThresholdNeuron':
        """See :func:`spikedense.neurons.rescaled_input`."""
        twin = copy.deepcopy(self)
        twin.gain *= gain
        twin.thresholds = [threshold / gain for threshold in self.thresholds]
        return twin

    def from_rest(self, x: Tensor) -> Tensor:
        """See :func:`spikedense.neurons.from_rest`."""
        reached = [
            (x >= threshold if self._fires_on_tie(j) else x > threshold).to(x.dtype)
            for j, threshold in enumerate(self.thresholds)
        ]
        count = torch.stack(reached).sum(0) if len(reached) > 1 else reached[0]
        return count if self.norm == 1 else count / self.norm

    def _fires_on_tie(self, j: int) -> bool:
        """Tell whether a tie rounds up: half to even takes 0.5 to 0 and 1.5 to 2."""
        return self.rounding == 'half_up' or j % 2 == 1

    def surrogate_gradient(self) -> str:
        """See :meth:`BaseNeuron.surrogate_gradient`."""
        return 'none'

    def extra_repr(self) -> str:
        return f'{super().extra_repr()}, gain={self.gain:g}'
