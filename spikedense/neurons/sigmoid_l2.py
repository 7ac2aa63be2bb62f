"""An integer neuron that normalises its membrane before it fires."""

import math

import torch
from torch import Tensor

from spikedense.registry import MODELS

from .integer import NILIF


@MODELS.register_module()
class SigmoidL2NILIF(NILIF):
    r"""NI-LIF whose membrane is squashed into ``0..D`` first: "norm with sigmoid & L2".

    .. math::
        U'[t] &= D \, \mathrm{sigmoid}\bigl(\sqrt{n} \, U[t] / \lVert U[t] \rVert_2\bigr) \\
        S[t] &= \mathrm{clip}(\mathrm{round}(U'[t]), 0, D) / \mathrm{norm}

    The norm is taken over the n elements of a sample at a step, so that the sigmoid sees a membrane
    of unit mean square; one that is zero everywhere stays zero. The rest, the reset included, is
    NI-LIF's. The rounding's gradient is straight-through, that of sigmoid and norm exact.

    A row of Spike2Former's ablations. Our reading: the paper says only that it diverges. Unlike
    other neurons it is not silent at rest, where it emits ``D / 2``, and an element's spikes depend
    on the whole sample.

    Args:
        D, norm, beta, stateful, detach_reset, rounding, window, keep_state: see :class:`NILIF`.
    """

    def run(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """See :meth:`BaseNeuron.run`."""
        # From a membrane, NI-LIF fires step by step even if there is but one: `fire` has to know
        # which axes are a sample's.
        return super().run(x, torch.zeros_like(x[0]) if membrane is None else membrane)

    def fire(self, potential: Tensor, norm: float = 1.0) -> Tensor:
        """Emits ``clip(round(U'), 0, D) / norm`` for the potential U of one step."""
        # Without state, the steps of the first axis are samples of their own.
        first = 1 if self.stateful else 2
        elements = tuple(range(first, potential.dim() + 1))
        length = torch.linalg.vector_norm(potential.unsqueeze(-1), dim=elements, keepdim=True)
        length = length.squeeze(-1)
        # A sample of zeros has no direction: it is left as it is, and its gradient finite.
        length = length.masked_fill(length == 0, 1)
        unit = potential * (math.sqrt(math.prod(potential.shape[first:])) / length)
        return super().fire(self.D * unit.sigmoid(), norm)
