"""An integer neuron that normalises its membrane before it fires."""

import math

import torch
from torch import Tensor

from spikedense.registry import MODELS

from .integer import NILIF


@MODELS.register_module()
class SigmoidL2NILIF(NILIF):
    r"""NI-LIF with a membrane that is mapped to ``0..D`` before firing: "norm with sigmoid & L2".

    .. math::
        U'[t] &= D \, \mathrm{sigmoid}\bigl(\sqrt{n} \, U[t] / \lVert U[t] \rVert_2\bigr) \\
        S[t] &= \mathrm{clip}(\mathrm{round}(U'[t]), 0, D) / \mathrm{norm}

    The norm is taken over the n elements of one sample at one step. So the input of the sigmoid has
    a mean square of 1; a membrane of zeros stays zero. Everything else, also the reset, is as in
    NI-LIF. The gradient of the rounding is straight-through, that of sigmoid and norm is exact.

    This is one row of Spike2Former's ablations. The equation is our interpretation, because the
    paper only says that training diverges. Unlike other neurons, this neuron emits ``D / 2`` at
    rest, and the spikes of one element depend on the whole sample.

    Args:
        D, norm, beta, stateful, detach_reset, rounding, window, keep_state: See :class:`NILIF`.
    """

    def run(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """See :meth:`BaseNeuron.run`."""
        # With a membrane, NI-LIF calls `fire` for each step, even if there is only one step. `fire`
        # needs a single step to know which axes belong to one sample.
        return super().run(x, torch.zeros_like(x[0]) if membrane is None else membrane)

    def fire(self, potential: Tensor, norm: float = 1.0) -> Tensor:
        """Emit ``clip(round(U'), 0, D) / norm`` for the potential U of one step."""
        # Without state, each step of the first axis holds separate samples.
        first = 1 if self.stateful else 2
        elements = tuple(range(first, potential.dim() + 1))
        length = torch.linalg.vector_norm(potential.unsqueeze(-1), dim=elements, keepdim=True)
        length = length.squeeze(-1)
        # A division by 1 keeps a sample of zeros as it is, and keeps its gradient finite.
        length = length.masked_fill(length == 0, 1)
        unit = potential * (math.sqrt(math.prod(potential.shape[first:])) / length)
        return super().fire(self.D * unit.sigmoid(), norm)
