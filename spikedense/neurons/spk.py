"""The spiking activations (SPK blocks) of SpikeAtConv that have no weights: SL, RL, MBPL, HSL."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from spikedense.ops import fire_surrogate
from spikedense.registry import MODELS

from .lif import LIF
from .lif_units import LIFUnits, checked_thresholds

RL_MODES = ('chain', 'parallel')


@MODELS.register_module()
class SL(LIF):
    """SL: one LIF with the settings of SpikeAtConv.

    Args:
        v_threshold: Firing threshold.
        tau, v_reset, decay_input, detach_reset: See :class:`LIF`.
        surrogate: Surrogate gradient; None means ``dict(type='ATan', alpha=2.0)``.
        stateful, keep_state: See :class:`BaseNeuron`.
    """

    def __init__(
        self,
        v_threshold: float = 1.0,
        tau: float = 2.0,
        v_reset: float | None = 0.0,
        decay_input: bool = True,
        detach_reset: bool = False,
        surrogate: dict[str, Any] | None = None,
        stateful: bool = True,
        keep_state: bool = False,
    ) -> None:
        super().__init__(
            tau,
            v_threshold,
            v_reset,
            decay_input,
            detach_reset,
            surrogate or dict(type='ATan', alpha=2.0),
            stateful,
            keep_state,
        )


@MODELS.register_module()
class RL(LIFUnits):
    r"""RL: the spikes of a LIF, plus what a second LIF emits.

    .. math::
        S_1 = \mathrm{LIF}_a(X), \qquad S = S_1 + \mathrm{LIF}_b(S_1)

    In this mode, ``'chain'``, the second LIF reads spikes of at most 1. With the published
    thresholds 1 and 2 and a time constant of 2 it never fires, so RL emits the same as SL; it has
    another gradient. With ``mode='parallel'`` both read the input:
    :math:`S = \mathrm{LIF}_a(X) + \mathrm{LIF}_b(X)`.

    Args:
        thresholds: Thresholds of both LIFs.
        mode: ``'chain'`` or ``'parallel'``.
        **kwargs: Other arguments of :class:`LIFUnits`, except ``D``.
    """

    def __init__(
        self, thresholds: Sequence[float] = (1.0, 2.0), mode: str = 'chain', **kwargs: Any
    ) -> None:
        super().__init__(2, checked_thresholds(thresholds, 2), **_without_d('RL', kwargs))
        if mode not in RL_MODES:
            raise ValueError(f'neuron_cfg: mode={mode!r}, expected one of {RL_MODES}')
        self.mode = mode

    def step(
        self, current: Tensor, membranes: list[Tensor | None]
    ) -> tuple[Tensor, list[Tensor | None]]:
        """See :meth:`LIFUnits.step`."""
        first, a = self.fire(0, current, membranes[0])
        second, b = self.fire(1, first if self.mode == 'chain' else current, membranes[1])
        return first + second, [a, b]

    def from_rest(self, x: Tensor) -> Tensor:
        """See :func:`spikedense.neurons.from_rest`."""
        first = self.fires_from_rest(0, x)
        return first + self.fires_from_rest(1, first if self.mode == 'chain' else x)

    def rescaled_input(self, gain: float) -> LIFUnits:
        """See :func:`spikedense.neurons.rescaled_input`."""
        return self.rescaled(gain, (0,) if self.mode == 'chain' else (0, 1))

    def extra_repr(self) -> str:
        return f'mode={self.mode!r}, {super().extra_repr()}'


@MODELS.register_module()
class MBPL(LIFUnits):
    r"""MBPL: the sum of n LIFs with different thresholds, integers 0..n.

    .. math::
        S = \sum_{b=1}^{n} \mathrm{LIF}_{\theta_b}(X)

    The integers are spikes: in spike-driven inference they are sent as n virtual steps, and the
    next layer adds weights. For the mixes of the paper that make real values, see ``MixedMBPL``.

    Args:
        thresholds: Threshold of each LIF.
        **kwargs: Other arguments of :class:`LIFUnits`, except ``D``.
    """

    def __init__(self, thresholds: Sequence[float] = (0.2, 1.0, 2.0, 4.0), **kwargs: Any) -> None:
        super().__init__(
            len(checked_thresholds(thresholds)), thresholds, **_without_d('MBPL', kwargs)
        )

    def run(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """See :meth:`BaseNeuron.run`."""
        if len(x) > 1 or membrane is not None or self.keep_state:
            return super().run(x, membrane)
        drive = self.input_gain * x + (self.resets[0] or 0.0)
        return fire_surrogate(drive, self.thresholds, self.surrogate), None

    def step(
        self, current: Tensor, membranes: list[Tensor | None]
    ) -> tuple[Tensor, list[Tensor | None]]:
        """See :meth:`LIFUnits.step`."""
        fired = [self.fire(i, current, membrane) for i, membrane in enumerate(membranes)]
        return sum((spike for spike, _ in fired[1:]), fired[0][0]), [after for _, after in fired]

    def from_rest(self, x: Tensor) -> Tensor:
        """See :func:`spikedense.neurons.from_rest`."""
        fired = [self.fires_from_rest(unit, x) for unit in range(self.D)]
        return torch.stack(fired).sum(0) if len(fired) > 1 else fired[0]

    def rescaled_input(self, gain: float) -> LIFUnits:
        """See :func:`spikedense.neurons.rescaled_input`."""
        return self.rescaled(gain, range(self.D))


@MODELS.register_module()
class HSL(LIFUnits):
    """HSL (hidden split): each half of the channels has a LIF with a threshold of its own.

    The channels are the axis behind steps and samples, ``[T, B, C, ...]``. If n thresholds do not
    divide the channels, the first parts have one channel more.

    Args:
        thresholds: Threshold of each part of the channels, in their order.
        **kwargs: Other arguments of :class:`LIFUnits`, except ``D``.
    """

    no_nir = 'its thresholds differ from channel to channel'

    def __init__(self, thresholds: Sequence[float] = (1.0, 2.0), **kwargs: Any) -> None:
        super().__init__(1, checked_thresholds(thresholds), **_without_d('HSL', kwargs))

    def run(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """See :meth:`BaseNeuron.run`."""
        if x.dim() < (3 if self.stateful else 4):
            shape = tuple(x.shape if self.stateful else x.shape[1:])
            raise ValueError(f'HSL got currents of shape {shape}, expected [T, B, C, ...]')
        return super().run(x, membrane)

    def step(
        self, current: Tensor, membranes: list[Tensor | None]
    ) -> tuple[Tensor, list[Tensor | None]]:
        """See :meth:`LIFUnits.step`."""
        parts = zip(self.parted(current), membranes, strict=True)
        fired = [self.fire(i, part, membrane) for i, (part, membrane) in enumerate(parts)]
        return self.joined([spike for spike, _ in fired]), [after for _, after in fired]

    def joined(self, membranes: list[Tensor]) -> Tensor:
        """Join the parts of the channels of one step."""
        return torch.cat(membranes, self._axis)

    def parted(self, membrane: Tensor) -> Sequence[Tensor]:
        """Split the channels of one step, the inverse of :meth:`joined`."""
        return membrane.tensor_split(len(self.thresholds), self._axis)

    def membrane_shape(self, steps: Tensor) -> tuple[int, ...]:
        """See :class:`BaseNeuron`."""
        return tuple(steps.shape[1:])

    @property
    def _axis(self) -> int:
        """Axis of the channels in one step; without state, a step holds all real steps."""
        return 1 if self.stateful else 2

    def from_rest(self, x: Tensor) -> Tensor:
        """See :func:`spikedense.neurons.from_rest`."""
        parts = x.tensor_split(len(self.thresholds), 2)
        return torch.cat([self.fires_from_rest(i, part) for i, part in enumerate(parts)], 2)

    def rescaled_input(self, gain: float) -> LIFUnits:
        """See :func:`spikedense.neurons.rescaled_input`."""
        return self.rescaled(gain, range(len(self.thresholds)))


def _without_d(name: str, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments; refuse the largest integer, which follows from the thresholds."""
    if 'D' in kwargs:
        raise ValueError(f"neuron_cfg: {name} has no 'D', expected 'thresholds'")
    return kwargs
