"""The neuron of MS-ResNet, which fires above its threshold, not at it."""

from typing import Any

import torch
from torch import Tensor

from spikedense.registry import MODELS

from .lif import LIF


@MODELS.register_module()
class StrictLIF(LIF):
    r"""LIF that fires strictly above its threshold: ``mem_update``, the neuron of MS-ResNet.

    .. math::
        U[t] &= (1 - 1 / \tau) V[t-1] + X[t] \\
        S[t] &= [U[t] > V_{th}] \\
        V[t] &= U[t] (1 - S[t])

    The defaults are those of MS-ResNet: a quarter of the membrane stays, the whole input reaches
    it, and the gradient of a spike is 1 where :math:`|U - V_{th}| < 1/2`.

    Args:
        tau: Time constant, above 1.
        v_threshold: Firing threshold; a potential equal to the threshold does not fire.
        decay_input: Whether the input is divided by tau.
        detach_reset: Whether no gradient passes through the reset.
        surrogate: Surrogate gradient, symmetric around the threshold; None means
            ``dict(type='Rect', alpha=1.0)``.
        stateful, keep_state: See :class:`BaseNeuron`.
    """

    def __init__(
        self,
        tau: float = 4 / 3,
        v_threshold: float = 0.5,
        decay_input: bool = False,
        detach_reset: bool = True,
        surrogate: dict[str, Any] | None = None,
        stateful: bool = True,
        keep_state: bool = False,
    ) -> None:
        super().__init__(
            tau,
            v_threshold,
            decay_input=decay_input,
            detach_reset=detach_reset,
            surrogate=surrogate or dict(type='Rect', alpha=1.0),
            stateful=stateful,
            keep_state=keep_state,
        )

    def run(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """See :meth:`BaseNeuron.run`. SpikingJelly's kernels fire at the threshold, too."""
        if len(x) == 1 and membrane is None and not self.keep_state:
            return self._fire(self.input_gain() * x), None
        spikes = []
        for current in x:
            potential = self.input_gain() * current
            if membrane is not None:
                potential = potential + (1 - self.leak()) * membrane
            spike = self._fire(potential)
            spikes.append(spike)
            membrane = potential * (1 - (spike.detach() if self.node.detach_reset else spike))
        return torch.stack(spikes), membrane

    def _fire(self, potential: Tensor) -> Tensor:
        # A surrogate function is 1 at 0: with the signs turned round, the spike is 0 at 0.
        return 1 - self.node.surrogate_function(self.node.v_threshold - potential)

    def from_rest(self, x: Tensor) -> Tensor:
        """See :func:`spikedense.neurons.from_rest`."""
        return (self.input_gain() * x > self.node.v_threshold).to(x.dtype)

    rescaled_input = LIF.rescaled_input
