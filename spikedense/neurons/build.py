"""Builds neurons from configs."""

from typing import Any

from torch import nn

from spikedense.registry import MODELS
from spikedense.utils.class_names import own_name
from spikedense.utils.signatures import accepted_parameters

from .ann import ReLU
from .base import BaseNeuron
from .weighted import WeightedNeuron


def _known_neurons() -> dict[str, type[nn.Module]]:
    return {
        name: cls
        for name, cls in MODELS.module_dict.items()
        if isinstance(cls, type) and issubclass(cls, BaseNeuron | ReLU | WeightedNeuron)
    }


def neuron_class(cfg: dict[str, Any]) -> type[nn.Module]:
    """Return the class that the config of a neuron names; see :func:`build_neuron`."""
    if not isinstance(cfg, dict) or 'type' not in cfg:
        raise TypeError(f"neuron_cfg={cfg!r}, expected a dict with a 'type', as dict(type='NILIF')")
    name = cfg['type']
    known = _known_neurons()
    cls = name if isinstance(name, type) else known.get(own_name(name))
    if cls is None:
        raise ValueError(f'neuron_cfg: type={name!r}, expected one of {sorted(known)}')
    return cls


def build_neuron(cfg: dict[str, Any], channels: int | None = None) -> nn.Module:
    """Build one neuron.

    Args:
        cfg: ``dict(type='NILIF', D=4)`` and the like; the scope ``spikedense.`` is optional.
        channels: Channels of the map that the neuron reads, for types that have weights.

    Returns:
        The neuron, ``[T, ...] -> [T, ...]``.

    Raises:
        TypeError: The config is not a dict with a type.
        ValueError: The type or one of the arguments is not known, or the type has weights and the
            channels are not given.
    """
    cls = neuron_class(cfg)
    args = dict(cfg)
    name = args.pop('type')
    accepted, open_ended = accepted_parameters(cls)
    for key in args:
        if key not in accepted and not open_ended:
            raise ValueError(f'neuron_cfg: {cls.__name__} has no {key!r}, expected {accepted}')
    if not issubclass(cls, WeightedNeuron):
        return cls(**args)
    if channels is None:
        raise ValueError(
            f'neuron_cfg: type={name!r} has weights for channels, expected a neuron without '
            'weights in this place'
        )
    return cls(channels, **args)
