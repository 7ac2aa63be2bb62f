"""Neurons that emit integers in training and binary spikes at inference: I-LIF and NI-LIF."""

import torch
from torch import Tensor

from spikedense.ops.fire import ROUNDINGS, WINDOWS, fire_integer
from spikedense.registry import MODELS
from spikedense.utils.answers import Unfoldable

from .base import BaseNeuron
from .threshold import ThresholdNeuron


@MODELS.register_module()
class NILIF(BaseNeuron):
    r"""NI-LIF: normalised integer leaky integrate-and-fire (Spike2Former, eqs. 16-18).

    .. math::
        U[t] &= H[t-1] + X[t] \\
        S[t] &= \mathrm{clip}(\mathrm{round}(U[t]), 0, D) / \mathrm{norm} \\
        H[t] &= \beta \, (U[t] - \mathrm{norm} \cdot S[t])

    With ``T = 1`` or ``stateful=False`` it equals the SFA neuron of Spike-driven Transformer V3 and
    the neuron of the released Spike2Former code. The gradient is straight-through.

    Args:
        D: Largest integer, and the number of binary steps of spike-driven inference.
        norm: Divisor of the output. None means D; 1 gives I-LIF.
        beta: Leak factor of the membrane between steps. The paper does not state a value; 0.25 is
            the value of SpikeYOLO.
        stateful: See :class:`BaseNeuron`.
        detach_reset: Whether no gradient passes through the reset.
        rounding: ``'even'`` or ``'half_up'``.
        window: ``'closed'`` lets the gradient pass for ``0 <= U <= D``, ``'open'`` for
            ``0 < U < D``.
        keep_state: See :class:`BaseNeuron`.
    """

    def __init__(
        self,
        D: int = 4,
        norm: float | None = None,
        beta: float = 0.25,
        stateful: bool = True,
        detach_reset: bool = True,
        rounding: str = 'even',
        window: str = 'closed',
        keep_state: bool = False,
    ) -> None:
        super().__init__(D, D if norm is None else norm, stateful, keep_state)
        if rounding not in ROUNDINGS:
            raise ValueError(f'neuron_cfg: rounding={rounding!r}, expected one of {ROUNDINGS}')
        if window not in WINDOWS:
            raise ValueError(f'neuron_cfg: window={window!r}, expected one of {WINDOWS}')
        self.beta = beta
        self.detach_reset = detach_reset
        self.rounding = rounding
        self.window = window

    def run(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """See :meth:`BaseNeuron.run`."""
        if len(x) == 1 and membrane is None and not self.keep_state:
            return self.fire(x, self.norm), None
        spikes = []
        for current in x:
            potential = current if membrane is None else membrane + current
            count = self.fire(potential)
            spikes.append(count)
            membrane = self.after_reset(potential, count)
        return torch.stack(spikes).div_(self.norm), membrane

    def fire(self, potential: Tensor, norm: float = 1.0) -> Tensor:
        """Emit ``clip(round(U), 0, D) / norm``."""
        return fire_integer(potential, self.D, norm, self.rounding, self.window)

    def after_reset(self, potential: Tensor, count: Tensor) -> Tensor:
        """Return the membrane for the next step: U minus the emitted integer, times ``beta``."""
        return self.beta * (potential - (count.detach() if self.detach_reset else count))

    def from_rest(self, x: Tensor) -> Tensor:
        """See :func:`spikedense.neurons.from_rest`."""
        count = x.clamp(0, self.D)
        count = count.round() if self.rounding == 'even' else (count + 0.5).floor()
        return count if self.norm == 1 else count / self.norm

    def rescaled_input(self, gain: float) -> ThresholdNeuron:
        """See :func:`spikedense.neurons.rescaled_input`."""
        return ThresholdNeuron(
            self.D,
            self.norm,
            gain,
            self.beta,
            self.stateful,
            self.rounding,
            keep_state=self.keep_state,
        ).eval()

    def comparing(self) -> ThresholdNeuron:
        """See :func:`spikedense.neurons.comparing`."""
        return self.rescaled_input(1.0)

    def after_sigmoid(self, steps: int) -> ThresholdNeuron:
        """See :func:`spikedense.neurons.after_sigmoid`.

        The sigmoid lies between 0 and 1, and is above one half if X > 0. So the neuron emits 1 if
        X > 0, and 0 otherwise.
        """
        if self.keep_state:
            raise Unfoldable(f'{type(self).__name__} keeps its state from call to call')
        if self.stateful and steps > 1:
            raise Unfoldable(
                f'over T={steps} steps the membrane of {type(self).__name__} adds up sigmoids'
            )
        return ThresholdNeuron(
            1, self.norm, stateful=self.stateful, rounding=self.rounding, thresholds=[0.0]
        ).eval()

    def surrogate_gradient(self) -> str:
        """See :meth:`BaseNeuron.surrogate_gradient`."""
        less = '<=' if self.window == 'closed' else '<'
        return f'straight-through in the window 0 {less} U {less} {self.D}'

    def extra_repr(self) -> str:
        text = f'{super().extra_repr()}, beta={self.beta:g}'
        if self.rounding != 'even' or self.window != 'closed':
            text += f', rounding={self.rounding!r}, window={self.window!r}'
        return text


@MODELS.register_module()
class ILIF(NILIF):
    """I-LIF: integer leaky integrate-and-fire (SpikeYOLO), NI-LIF without the division.

    Args:
        D: Largest integer.
        **kwargs: Other arguments of :class:`NILIF`, except ``norm``.
    """

    def __init__(self, D: int = 4, **kwargs) -> None:
        if 'norm' in kwargs:
            raise ValueError("neuron_cfg: ILIF has no 'norm' (it is 1); use NILIF to divide")
        super().__init__(D, norm=1, **kwargs)


@MODELS.register_module()
class EvalClampedNILIF(NILIF):
    """NI-LIF with another largest integer in eval mode, for checkpoints that need this.

    The released detection neck of Spike-driven Transformer V3 emits integers 0..4 in training, but
    only 0..1 in prediction. This is a mistake of the released code: the weights were not trained
    for integers 0..1.

    Args:
        eval_clamp: Largest integer in eval mode, at most D.
        D: Largest integer in training.
        **kwargs: Other arguments of :class:`NILIF`.
    """

    def __init__(self, eval_clamp: int = 1, D: int = 4, **kwargs) -> None:
        super().__init__(D, **kwargs)
        if eval_clamp not in range(1, D + 1):
            raise ValueError(
                f'neuron_cfg: eval_clamp={eval_clamp!r}, expected an integer from 1 to D={D}'
            )
        self.trained_D = D
        self.eval_clamp = eval_clamp

    def train(self, mode: bool = True) -> 'EvalClampedNILIF':
        """Switch the mode, and set ``D`` to the largest integer of this mode."""
        super().train(mode)
        self.D = self.trained_D if mode else self.eval_clamp
        return self

    # `train` only changes D. These methods read D, so the inherited ones still hold.
    from_rest = NILIF.from_rest
    rescaled_input = NILIF.rescaled_input
    comparing = NILIF.comparing

    def settings(self) -> str:
        """See :meth:`BaseNeuron.settings`. D is that of the training in both modes."""
        return super().settings().replace(f'D={self.D},', f'D={self.trained_D},', 1)

    def extra_repr(self) -> str:
        return f'{super().extra_repr()}, eval_clamp={self.eval_clamp}'
