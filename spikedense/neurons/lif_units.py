"""The base class of neurons that are made of several LIF units."""

import copy
from abc import abstractmethod
from collections.abc import Sequence
from math import inf
from typing import Any

import torch
from torch import Tensor

from .base import BaseNeuron
from .lif import build_surrogate


class LIFUnits(BaseNeuron):
    r"""Several LIF units with thresholds of their own.

    A unit with the threshold :math:`\theta` computes, as :class:`LIF` does,

    .. math::
        U[t] &= V[t-1] + (X[t] - (V[t-1] - V_{reset})) / \tau \\
        S[t] &= \Theta(U[t] - \theta) \\
        V[t] &= U[t] (1 - S[t]) + V_{reset} S[t]

    Args:
        D: Largest integer that the units together emit for an element.
        thresholds: Threshold of each unit, above 0.
        tau: Time constant of all units, above 1.
        v_reset: Potential after a spike; None subtracts the threshold instead (soft reset).
        decay_input: Whether the input is also divided by tau.
        detach_reset: Whether no gradient passes through the reset.
        surrogate: Surrogate gradient; None means ``dict(type='ATan', alpha=2.0)``.
        stateful, keep_state: See :class:`BaseNeuron`.
    """

    def __init__(
        self,
        D: int,
        thresholds: Sequence[float],
        tau: float = 2.0,
        v_reset: float | None = 0.0,
        decay_input: bool = True,
        detach_reset: bool = False,
        surrogate: dict[str, Any] | None = None,
        stateful: bool = True,
        keep_state: bool = False,
    ) -> None:
        super().__init__(D, 1.0, stateful, keep_state)
        if tau <= 1:
            raise ValueError(f'neuron_cfg: tau={tau!r}, expected a number above 1')
        self.thresholds = [float(threshold) for threshold in thresholds]
        self.resets = [v_reset] * len(self.thresholds)
        self.tau = float(tau)
        self.decay_input = decay_input
        self.detach_reset = detach_reset
        self.surrogate = build_surrogate(copy.deepcopy(surrogate or dict(type='ATan', alpha=2.0)))

    @property
    def input_gain(self) -> float:
        """Share of the input that reaches the membranes in one step."""
        return 1 / self.tau if self.decay_input else 1.0

    @abstractmethod
    def step(
        self, current: Tensor, membranes: list[Tensor | None]
    ) -> tuple[Tensor, list[Tensor | None]]:
        """Run one time step.

        Args:
            current: Current of the step, ``[...]``.
            membranes: Potential of each unit after the step before; None means rest.

        Returns:
            Integers ``[...]``, and the potential of each unit after the step.
        """

    def run(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """See :meth:`BaseNeuron.run`."""
        membranes: list[Tensor | None] = [None] * len(self.thresholds)
        if membrane is not None:
            membranes = list(self.parted(membrane))
        spikes = []
        for current in x:
            counts, membranes = self.step(current, membranes)
            spikes.append(counts)
        after = self.joined([m for m in membranes if m is not None]) if self.keep_state else None
        return torch.stack(spikes), after

    def fire(
        self, unit: int, current: Tensor, membrane: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Run one unit for one step: its spikes, and its potential after the step."""
        threshold, reset = self.thresholds[unit], self.resets[unit]
        rest = 0.0 if reset is None else reset
        potential = self.input_gain * current
        if membrane is None:
            potential = potential + rest if rest else potential
        else:
            potential = potential + membrane - (membrane - rest) / self.tau
        spike = self.surrogate(potential - threshold)
        fired = spike.detach() if self.detach_reset else spike
        if reset is None:
            return spike, potential - threshold * fired
        return spike, potential * (1 - fired) + rest * fired

    def fires_from_rest(self, unit: int, x: Tensor) -> Tensor:
        """Compute the spikes of one unit in a step from rest, without a gradient."""
        drive = self.input_gain * x + (self.resets[unit] or 0.0)
        return (drive - self.thresholds[unit] >= 0).to(x.dtype)

    def joined(self, membranes: list[Tensor]) -> Tensor:
        """Join the potentials of all units to one tensor."""
        return torch.stack(membranes)

    def parted(self, membrane: Tensor) -> Sequence[Tensor]:
        """Return the potential of each unit, the inverse of :meth:`joined`."""
        return membrane.unbind()

    def membrane_shape(self, steps: Tensor) -> tuple[int, ...]:
        """See :class:`BaseNeuron`."""
        return (len(self.thresholds), *steps.shape[1:])

    def rescaled(self, gain: float, units: Sequence[int]) -> 'LIFUnits':
        """Return a copy with a factor of the input in thresholds and resets of some units."""
        twin = copy.deepcopy(self)
        for unit in units:
            reset = self.resets[unit]
            twin.thresholds[unit] = self.thresholds[unit] / gain
            twin.resets[unit] = None if reset is None else reset / gain
        return twin

    def extra_repr(self) -> str:
        text = f'thresholds={self.thresholds}, tau={self.tau:g}, v_reset={self.resets[0]}'
        return f'{text}, decay_input={self.decay_input}, {super().extra_repr()}'


def checked_thresholds(thresholds: Any, number: int | None = None) -> Sequence[float]:
    """Check the thresholds of a config.

    Args:
        thresholds: The value.
        number: How many are expected; None means at least one.

    Returns:
        The value.

    Raises:
        ValueError: It is no list of so many numbers above 0.
    """
    amount = 'one or more' if number is None else str(number)
    is_list = isinstance(thresholds, list | tuple) and len(thresholds) >= 1
    if (
        not is_list
        or (number is not None and len(thresholds) != number)
        or not all(isinstance(x, int | float) and 0 < x < inf for x in thresholds)
    ):
        raise ValueError(
            f'neuron_cfg: thresholds={thresholds!r}, expected a list of {amount} numbers above 0'
        )
    return thresholds
