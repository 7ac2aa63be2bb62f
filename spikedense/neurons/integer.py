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

    With ``T = 1`` or ``stateful=False`` it is the SFA neuron of Spike-driven Transformer V3 and
    what the released Spike2Former executes. The gradient is straight-through.

    Args:
        D: largest integer; also the number of binary steps that replace it at inference.
        norm: divisor of the output. None means D; 1 gives I-LIF.
        beta: leak factor of the membrane between steps. The paper does not state it; 0.25 is
            that of SpikeYOLO.
        stateful: see :class:`BaseNeuron`.
        detach_reset: whether the reset is left out of the gradient.
        rounding: ``'even'`` or ``'half_up'``.
        window: ``'closed'`` lets the gradient pass for ``0 <= U <= D``, ``'open'`` for the inside.
        keep_state: see :class:`BaseNeuron`.
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
        """Emits ``clip(round(U), 0, D) / norm``."""
        return fire_integer(potential, self.D, norm, self.rounding, self.window)

    def after_reset(self, potential: Tensor, count: Tensor) -> Tensor:
        """Soft reset by the emitted amount, then leak: the membrane that is carried on."""
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

        A sigmoid is below 1, and it is above one half for X > 0: the neuron emits 1 there, else 0.
        """
        if self.stateful and steps > 1:
            raise Unfoldable(
                f'over T={steps} steps the membrane of {type(self).__name__} adds up sigmoids'
            )
        return ThresholdNeuron(
            1, self.norm, stateful=self.stateful, rounding=self.rounding, thresholds=[0.0]
        ).eval()

    def extra_repr(self) -> str:
        text = f'{super().extra_repr()}, beta={self.beta:g}'
        if self.rounding != 'even' or self.window != 'closed':
            text += f', rounding={self.rounding!r}, window={self.window!r}'
        return text


@MODELS.register_module()
class ILIF(NILIF):
    """I-LIF: integer leaky integrate-and-fire (SpikeYOLO): NI-LIF without the division.

    Args:
        D: largest integer.
        **kwargs: those of :class:`NILIF`, except ``norm``.
    """

    def __init__(self, D: int = 4, **kwargs) -> None:
        if 'norm' in kwargs:
            raise ValueError("neuron_cfg: ILIF has no 'norm' (it is 1); use NILIF to divide")
        super().__init__(D, norm=1, **kwargs)


@MODELS.register_module()
class EvalClampedNILIF(NILIF):
    """NI-LIF whose largest integer is another one in eval mode, for checkpoints that need it.

    The released detection neck of Spike-driven Transformer V3 trains with 0..4 and clamps to
    0..1 when it predicts. That is a slip: what it predicts with is not what it has learnt.

    Args:
        eval_clamp: largest integer in eval mode, at most D.
        D: largest integer in training.
        **kwargs: those of :class:`NILIF`.
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
        """Switches the mode, and ``D``, so that whoever asks is told the integer in force."""
        super().train(mode)
        self.D = self.trained_D if mode else self.eval_clamp
        return self

    # The mode changes D alone, which these answers read.
    from_rest = NILIF.from_rest
    rescaled_input = NILIF.rescaled_input
    comparing = NILIF.comparing

    def extra_repr(self) -> str:
        return f'{super().extra_repr()}, eval_clamp={self.eval_clamp}'
