"""Binary neurons, computed by SpikingJelly."""

import copy
from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from spikedense.registry import MODELS
from spikedense.utils.spikingjelly import spikingjelly

from .base import BaseNeuron

if TYPE_CHECKING:
    from spikingjelly.activation_based import neuron, surrogate

_USERS = 'the neurons LIF, IF, PLIF, RL, MBPL and HSL'


def build_surrogate(cfg: dict[str, Any]) -> 'surrogate.SurrogateFunctionBase':
    """Build a surrogate function of SpikingJelly.

    Args:
        cfg: ``dict(type='Sigmoid', alpha=4.0)``; the type is a class of
            ``spikingjelly.activation_based.surrogate`` or its name.
    """
    surrogate = spikingjelly('surrogate', _USERS)
    cfg = dict(cfg)
    name = cfg.pop('type', None)
    cls = name if isinstance(name, type) else getattr(surrogate, str(name).rpartition('.')[2], None)
    if not (isinstance(cls, type) and issubclass(cls, surrogate.SurrogateFunctionBase)):
        known = sorted(c.__name__ for c in surrogate.SurrogateFunctionBase.__subclasses__())
        raise ValueError(f'neuron_cfg: surrogate type={name!r}, expected one of {known}')
    return cls(**cfg)


class _SpikingJellyNeuron(BaseNeuron):
    """Runs a multi-step node of SpikingJelly by the contract of :class:`BaseNeuron`.

    Args:
        node: The node, in multi-step mode.
        stateful, keep_state: See :class:`BaseNeuron`.
    """

    def __init__(self, node: 'neuron.BaseNode', stateful: bool, keep_state: bool) -> None:
        super().__init__(1, 1.0, stateful, keep_state)
        self.node = node
        self.v_threshold = node.v_threshold

    def run(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """See :meth:`BaseNeuron.run`."""
        if len(x) == 1 and membrane is None and not self.keep_state:
            return self.fire_from_rest(x), None
        self.node.reset()
        if membrane is not None:
            self.node.v = membrane
        spikes = self.node(x)
        membrane = self.node.v
        self.node.reset()  # BaseNeuron keeps the state: the node must not keep any
        return spikes, membrane

    def fire_from_rest(self, x: Tensor) -> Tensor:
        """Compute the first step from rest: ``Heaviside(V0 + gain * X - V_th)``."""
        node = self.node
        rest = 0.0 if node.v_reset is None else node.v_reset
        return node.surrogate_function(self.input_gain() * x + (rest - node.v_threshold))

    @abstractmethod
    def input_gain(self) -> float | Tensor:
        """Return the share of the input current that reaches the membrane in one step."""

    @abstractmethod
    def leak(self) -> float | Tensor:
        r"""Return the share of the membrane that is lost in one step, :math:`1 / \tau`."""

    def from_rest(self, x: Tensor) -> Tensor:
        """See :func:`spikedense.neurons.from_rest`."""
        rest = 0.0 if self.node.v_reset is None else self.node.v_reset
        drive = self.input_gain() * x + (rest - self.node.v_threshold)
        return (drive >= 0).to(x.dtype)

    def rescaled_input(self, gain: float) -> '_SpikingJellyNeuron':
        """See :func:`spikedense.neurons.rescaled_input`.

        A factor on the input equals the inverse factor on membrane, threshold and reset together.
        """
        twin = copy.deepcopy(self)
        twin.node.v_threshold = twin.v_threshold = self.node.v_threshold / gain
        if self.node.v_reset is not None:
            twin.node.v_reset = self.node.v_reset / gain
            # SpikingJelly starts from its own copy of v_reset, not from the attribute.
            twin.node.set_reset_value('v', twin.node.v_reset)
        return twin

    def settings(self) -> str:
        """See :meth:`BaseNeuron.settings`. The time constant of :class:`PLIF` is a weight."""
        names = ['v_threshold', 'v_reset', 'decay_input']
        if isinstance(self, LIF):
            names.insert(0, 'tau')
        found = {n: getattr(self.node, n) for n in names if hasattr(self.node, n)}
        text = ', '.join(f'{name}={value}' for name, value in found.items())
        return f'{type(self).__name__}({text}, stateful={self.stateful})'

    def surrogate_gradient(self) -> str:
        """See :meth:`BaseNeuron.surrogate_gradient`."""
        function = self.node.surrogate_function
        settings = function.extra_repr().replace(', spiking=True', '')
        return f'{type(function).__name__}({settings})'

    def extra_repr(self) -> str:
        return f'stateful={self.stateful}' + (', keep_state=True' if self.keep_state else '')


def _node_kwargs(
    v_threshold: float, v_reset: float | None, detach_reset: bool, surrogate_cfg: dict | None
) -> dict[str, Any]:
    """Return the arguments that all nodes share, in the types that SpikingJelly checks for."""
    cfg = surrogate_cfg or dict(type='Sigmoid', alpha=4.0)
    return dict(
        v_threshold=float(v_threshold),
        v_reset=None if v_reset is None else float(v_reset),
        detach_reset=detach_reset,
        surrogate_function=build_surrogate(copy.deepcopy(cfg)),
        step_mode='m',
    )


@MODELS.register_module()
class LIF(_SpikingJellyNeuron):
    r"""Leaky integrate-and-fire, the neuron of Spike-driven Transformer V2.

    .. math::
        U[t] &= V[t-1] + (X[t] - (V[t-1] - V_{reset})) / \tau \\
        S[t] &= \Theta(U[t] - V_{th}) \\
        V[t] &= U[t] (1 - S[t]) + V_{reset} S[t]

    Args:
        tau: Time constant, above 1.
        v_threshold: Firing threshold; a potential equal to the threshold fires.
        v_reset: Potential after a spike; None subtracts the threshold instead (soft reset).
        decay_input: Whether the input is also divided by tau.
        detach_reset: Whether no gradient passes through the reset.
        surrogate: Surrogate gradient; None means ``dict(type='Sigmoid', alpha=4.0)``.
        stateful, keep_state: See :class:`BaseNeuron`.
    """

    def __init__(
        self,
        tau: float = 2.0,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        decay_input: bool = True,
        detach_reset: bool = True,
        surrogate: dict | None = None,
        stateful: bool = True,
        keep_state: bool = False,
    ) -> None:
        if tau <= 1:
            raise ValueError(f'neuron_cfg: tau={tau!r}, expected a number above 1')
        kwargs = _node_kwargs(v_threshold, v_reset, detach_reset, surrogate)
        node = spikingjelly('neuron', _USERS).LIFNode(
            tau=float(tau), decay_input=decay_input, **kwargs
        )
        super().__init__(node, stateful, keep_state)

    def input_gain(self) -> float:
        """Return ``1 / tau`` with ``decay_input``, else 1."""
        return self.leak() if self.node.decay_input else 1.0

    def leak(self) -> float:
        """Return ``1 / tau``."""
        return 1.0 / self.node.tau


@MODELS.register_module()
class IF(_SpikingJellyNeuron):
    """Integrate-and-fire: :class:`LIF` without leak, and without its arguments on tau."""

    def __init__(
        self,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        detach_reset: bool = True,
        surrogate: dict | None = None,
        stateful: bool = True,
        keep_state: bool = False,
    ) -> None:
        kwargs = _node_kwargs(v_threshold, v_reset, detach_reset, surrogate)
        super().__init__(spikingjelly('neuron', _USERS).IFNode(**kwargs), stateful, keep_state)

    def input_gain(self) -> float:
        """Return 1: the whole current reaches the membrane."""
        return 1.0

    def leak(self) -> float:
        """Return 0: nothing leaks."""
        return 0.0


@MODELS.register_module()
class PLIF(_SpikingJellyNeuron):
    """Parametric LIF: :class:`LIF` with a learnable time constant ``1 / sigmoid(w)``.

    Args:
        init_tau: Time constant at the start, above 1.
        v_threshold, v_reset, decay_input, detach_reset, surrogate: See :class:`LIF`.
        stateful, keep_state: See :class:`BaseNeuron`.
    """

    def __init__(
        self,
        init_tau: float = 2.0,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        decay_input: bool = True,
        detach_reset: bool = True,
        surrogate: dict | None = None,
        stateful: bool = True,
        keep_state: bool = False,
    ) -> None:
        if init_tau <= 1:
            raise ValueError(f'neuron_cfg: init_tau={init_tau!r}, expected a number above 1')
        kwargs = _node_kwargs(v_threshold, v_reset, detach_reset, surrogate)
        cls = spikingjelly('neuron', _USERS).ParametricLIFNode
        node = cls(init_tau=float(init_tau), decay_input=decay_input, **kwargs)
        super().__init__(node, stateful, keep_state)

    def input_gain(self) -> float | Tensor:
        """Return ``1 / tau = sigmoid(w)`` with ``decay_input``, else 1."""
        return self.leak() if self.node.decay_input else 1.0

    def leak(self) -> Tensor:
        """Return ``1 / tau = sigmoid(w)``, ``[]``."""
        return torch.sigmoid(self.node.w)
