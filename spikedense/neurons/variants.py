"""Configs of the neurons behind sums of spikes, made of the config of the other neurons."""

from typing import Any

from spikedense.utils.signatures import accepted_parameters

from .base import BaseNeuron
from .build import build_neuron, neuron_class
from .lif_units import LIFUnits
from .weighted import WeightedNeuron


def half_threshold(cfg: dict[str, Any]) -> dict[str, Any]:
    """Return the config of a neuron with half the threshold.

    The published attentions with threshold neurons have such a neuron behind a product of spikes.

    Args:
        cfg: Config of a neuron.

    Returns:
        The new config; the given config if its neuron has no threshold (NI-LIF, ReLU).
    """
    threshold = getattr(build_neuron(cfg), 'v_threshold', None)
    return cfg if threshold is None else dict(cfg, v_threshold=threshold / 2)


def binary_gate(cfg: dict[str, Any]) -> dict[str, Any]:
    """Return the config of a neuron that opens and closes a gate: it emits 0 or 1.

    An integer n of a neuron times this gate stays an integer up to the same D.

    Args:
        cfg: Config of a neuron.

    Returns:
        For an integer neuron, the same neuron with D = 1 and its default norm; for RL and MBPL,
        the LIF that fires first; else what :func:`half_threshold` returns.
    """
    neuron = build_neuron(cfg)
    if isinstance(neuron, LIFUnits) and neuron.D > 1:
        kept = {key: value for key, value in cfg.items() if key != 'mode'}
        return {**kept, 'type': 'MBPL', 'thresholds': [min(neuron.thresholds)]}
    if (getattr(neuron, 'D', None) or 1) > 1 and 'D' in accepted_parameters(type(neuron))[0]:
        return {**{key: value for key, value in cfg.items() if key != 'norm'}, 'D': 1}
    return half_threshold(cfg)


def hidden_neuron(cfg: dict[str, Any]) -> dict[str, Any]:
    """Return the config of a neuron that reads more channels than a block has.

    Args:
        cfg: Config of a neuron.

    Returns:
        The given config, but for a neuron with weights that are too many there (DCL).
    """
    cls = neuron_class(cfg)
    return cls.hidden_cfg(cfg) if issubclass(cls, WeightedNeuron) else cfg


def non_stateful(cfg: dict[str, Any]) -> dict[str, Any]:
    """Return the config of a neuron that starts from rest at each step (``stateful=False``).

    Args:
        cfg: Config of a neuron.

    Returns:
        The new config; the given config if the neuron has no state (ReLU, DCL).
    """
    cls = neuron_class(cfg)
    names, open_ended = accepted_parameters(cls)
    if not issubclass(cls, BaseNeuron | WeightedNeuron) or not ('stateful' in names or open_ended):
        return cfg
    return {**{key: value for key, value in cfg.items() if key != 'keep_state'}, 'stateful': False}
