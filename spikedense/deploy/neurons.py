"""Neurons of deployed models: they compare, and emit binary spikes."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from spikedense.neurons import IF, ILIF, LIF, NILIF, PLIF, BaseNeuron, EvalClampedNILIF


class ThresholdNeuron(BaseNeuron):
    r"""NI-LIF as a comparison with D thresholds, on currents that are not yet scaled.

    With a current :math:`g X` it emits what NI-LIF does for :math:`X`:

    .. math::
        n[t] = \sum_{j=1}^{D} [U[t] \ge \theta_j], \qquad
        \theta_j = (j - \tfrac12) / g, \qquad H[t] = \beta (U[t] - n[t] / g)

    A tie fires where rounding goes up: with ``rounding='even'`` only at every second threshold.

    Args:
        D: largest integer.
        norm: divisor of the output.
        gain: :math:`g`, by which the current would have to be multiplied.
        beta, stateful, rounding: see :class:`NILIF`.
        thresholds: :math:`\theta_j`, in place of those above.
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
        """How many thresholds a potential reaches."""
        total = torch.zeros_like(potential)
        for j, threshold in enumerate(self.thresholds):
            # Half to even: 0.5 rounds to 0, 1.5 to 2.
            up = self.rounding == 'half_up' or j % 2 == 1
            total += potential >= threshold if up else potential > threshold
        return total

    def extra_repr(self) -> str:
        return f'{super().extra_repr()}, gain={self.gain:g}'


class SpikeTrain(BaseNeuron):
    """A neuron that sends its integer as binary spikes, one a virtual step.

    The D virtual steps of a real step ride on the batch axis, the fastest of it: image b at virtual
    step d is row ``b * D + d``. The first n of them spike (thermometer order). The neuron itself
    fires once a real step, when all its input has been accumulated.

    Args:
        neuron: the neuron, of norm 1.
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
        """Not called: the neuron inside runs."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        return f'levels={self.levels}'


def as_thresholds(neuron: nn.Module, gain: float = 1.0) -> ThresholdNeuron | None:
    """The comparing twin of NI-LIF, I-LIF and the clamped NI-LIF; None for other neurons."""
    if type(neuron) not in (NILIF, ILIF, EvalClampedNILIF):
        return None
    source: Any = neuron
    return ThresholdNeuron(
        source.D,
        source.norm,
        gain,
        source.beta,
        source.stateful,
        source.rounding,
        keep_state=source.keep_state,
    ).eval()


def rescaled_input(neuron: nn.Module, gain: float) -> nn.Module | str:
    """A neuron that fires for X as another one does for ``gain * X``.

    Args:
        neuron: the other one.
        gain: factor, above 0.

    Returns:
        The neuron, the factor in its thresholds; or why there is none, as a phrase.
    """
    if isinstance(neuron, ThresholdNeuron):
        twin = copy.deepcopy(neuron)
        twin.gain *= gain
        twin.thresholds = [threshold / gain for threshold in neuron.thresholds]
        return twin
    integer = as_thresholds(neuron, gain)
    if integer is not None:
        return integer
    if isinstance(neuron, LIF | IF | PLIF):
        # Its dynamics are linear in membrane, threshold and reset taken together.
        binary = copy.deepcopy(neuron)
        binary.node.v_threshold = binary.v_threshold = neuron.node.v_threshold / gain
        if neuron.node.v_reset is not None:
            binary.node.v_reset = neuron.node.v_reset / gain
            # Where SpikingJelly starts from; it took its own copy of v_reset.
            binary.node.set_reset_value('v', binary.node.v_reset)
        return binary
    return f'{type(neuron).__name__} has no threshold that could take it'


def sigmoid_as_threshold(neuron: nn.Module, steps: int) -> nn.Module | str:
    """A neuron that fires for X as another one does for sigmoid(X).

    A sigmoid is below 1 and above one half for X > 0: NI-LIF emits 1 there, and 0 elsewhere.

    Args:
        neuron: the other one.
        steps: number of time steps T.

    Returns:
        The neuron; or why there is none, as a phrase.
    """
    if type(neuron) not in (NILIF, ILIF):
        return f'{type(neuron).__name__} does not round'
    source: Any = neuron
    if source.stateful and steps > 1:
        return f'over T={steps} steps the membrane of {type(neuron).__name__} adds up sigmoids'
    return ThresholdNeuron(
        1, source.norm, stateful=source.stateful, rounding=source.rounding, thresholds=[0.0]
    ).eval()
