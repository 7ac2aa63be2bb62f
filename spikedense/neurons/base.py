"""The contract that every neuron keeps."""

from abc import abstractmethod
from math import inf
from typing import Any

import torch
from torch import Tensor, nn


class BaseNeuron(nn.Module):
    """Maps input currents ``[T, ...]`` to spikes ``[T, ...]``.

    Every call starts with the membrane potential at rest, so no reset is needed between images.
    With ``keep_state=True`` (streaming) the neuron keeps the potential for the next call, until
    :meth:`reset`. The kept potential is neither a parameter nor a buffer. It follows the model to
    another device or dtype; pickled and deep copies start at rest. It keeps its autograd graph, so
    the gradient of a loss reaches earlier calls. Call :meth:`detach` between a backward pass and
    the next call to cut that graph (truncated back-propagation through time).

    Half-precision input is computed in float32, also under autocast, and the spikes are cast back.

    Args:
        D: Largest integer that a neuron emits in one real step.
        norm: Divisor of the output: ``output * norm`` is an integer in ``0..D``.
        stateful: Whether the steps of the first axis follow each other in time. If False, every
            element starts from rest (the published integer models).
        keep_state: Whether the neuron keeps the membrane potential for the next call.
    """

    #: Firing threshold of a binary neuron, and the name of its constructor's argument; None for a
    #: neuron that rounds.
    v_threshold: float | None = None

    def __init__(
        self, D: int, norm: float = 1.0, stateful: bool = True, keep_state: bool = False
    ) -> None:
        super().__init__()
        if not isinstance(D, int) or isinstance(D, bool) or D < 1:
            raise ValueError(f'neuron_cfg: D={D!r}, expected an integer of at least 1')
        if not isinstance(norm, int | float) or not 0 < norm < inf:
            raise ValueError(f'neuron_cfg: norm={norm!r}, expected a number above 0')
        for name, flag in (('stateful', stateful), ('keep_state', keep_state)):
            if not isinstance(flag, bool):
                raise ValueError(f'neuron_cfg: {name}={flag!r}, expected True or False')
        self.D = D
        self.norm = float(norm)
        self.stateful = stateful
        self.keep_state = keep_state
        self._membrane: Tensor | None = None

    @abstractmethod
    def run(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Run all time steps.

        Args:
            x: Currents, ``[T, ...]``.
            membrane: Potential after the previous call, ``[...]``; None means rest.

        Returns:
            Spikes ``[T, ...]`` and the potential after the last step, ``[...]`` (None is allowed
            if ``keep_state`` is False).
        """

    @property
    def scale(self) -> float:
        """Factor that turns the output into integers ``0..D``."""
        return self.norm

    @property
    def membrane(self) -> Tensor | None:
        """Potential that ``keep_state`` has kept; None at rest."""
        return self._membrane

    def reset(self) -> None:
        """Return to rest; without ``keep_state`` this changes nothing."""
        self._membrane = None

    def detach(self) -> None:
        """Keep the potential without its graph: no gradient reaches earlier calls."""
        if self._membrane is not None:
            self._membrane = self._membrane.detach()

    def forward(self, x: Tensor) -> Tensor:
        """Fire.

        Args:
            x: Currents, ``[T, ...]``.

        Returns:
            Spikes, ``[T, ...]``, in the dtype of ``x``.
        """
        dtype = x.dtype
        with torch.autocast(x.device.type, enabled=False):
            if dtype in (torch.float16, torch.bfloat16):
                x = x.float()
            steps = x if self.stateful else x.unsqueeze(0)
            spikes, membrane = self.run(steps, self._resting_or_kept(steps))
            if self.keep_state:
                self._membrane = membrane
            if not self.stateful:
                spikes = spikes.squeeze(0)
            return spikes.to(dtype)

    def _resting_or_kept(self, steps: Tensor) -> Tensor | None:
        kept = self._membrane if self.keep_state else None
        if kept is not None and kept.shape != self.membrane_shape(steps):
            raise ValueError(
                f'{type(self).__name__}(keep_state=True) holds a membrane of shape '
                f'{tuple(kept.shape)} but was given steps of shape {tuple(steps.shape[1:])}; '
                'call reset() before another stream'
            )
        return kept

    def membrane_shape(self, steps: Tensor) -> tuple[int, ...]:
        """Return the shape of the kept potential for given steps."""
        return tuple(steps.shape[1:])

    def _apply(self, fn: Any, recurse: bool = True) -> nn.Module:
        super()._apply(fn, recurse)
        if self._membrane is not None:
            self._membrane = fn(self._membrane)
        return self

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, '_membrane': None}

    def settings(self) -> str:
        """Return the class and what its spikes depend on, but for weights and the kept state."""
        text = self.extra_repr().replace(', keep_state=True', '')
        return f'{type(self).__name__}({text})'

    def surrogate_gradient(self) -> str:
        """Return what stands for the derivative of the spikes in a backward pass, for reports."""
        return 'not told'

    def extra_repr(self) -> str:
        text = f'D={self.D}, norm={self.norm:g}, stateful={self.stateful}'
        return text + (', keep_state=True' if self.keep_state else '')
