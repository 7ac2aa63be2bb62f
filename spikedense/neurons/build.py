"""Builds neurons from configs."""

from typing import Any

from torch import nn

from spikedense.registry import MODELS
from spikedense.utils.class_names import own_name
from spikedense.utils.signatures import accepted_parameters

from .ann import ReLU
from .base import BaseNeuron


def _known_neurons() -> dict[str, type[nn.Module]]:
    return {
        name: cls
        for name, cls in MODELS.module_dict.items()
        if isinstance(cls, type) and issubclass(cls, BaseNeuron | ReLU)
    }


def build_neuron(cfg: dict[str, Any]) -> nn.Module:
    """Build one neuron.

    Args:
        cfg: ``dict(type='NILIF', D=4)`` and the like; the scope ``spikedense.`` is optional.

    Returns:
        The neuron, ``[T, ...] -> [T, ...]``.

    Raises:
        TypeError: The config is not a dict with a type.
        ValueError: The type or one of the arguments is not known.
    """
    if not isinstance(cfg, dict) or 'type' not in cfg:
        raise TypeError(f"neuron_cfg={cfg!r}, expected a dict with a 'type', as dict(type='NILIF')")
    args = dict(cfg)
    name = args.pop('type')
    known = _known_neurons()
    cls = name if isinstance(name, type) else known.get(own_name(name))
    if cls is None:
        raise ValueError(f'neuron_cfg: type={name!r}, expected one of {sorted(known)}')
    accepted, open_ended = accepted_parameters(cls)
    for key in args:
        if key not in accepted and not open_ended:
            raise ValueError(f'neuron_cfg: {cls.__name__} has no {key!r}, expected {accepted}')
    return cls(**args)
