"""Configs whose reduced models are equal, so that an expensive test runs once for all of them.

What a group stands for is read from the merged and reduced config, never from a name: a config that
differs in anything that a test can see gets a run of its own.
"""

import copy
import json
from collections.abc import Iterable
from functools import cache
from typing import Any

from mmengine.config import Config
from reduced_models import head_of, num_classes_of, reduce_config

from spikedense.utils.config_path import config_root

#: Names of the configs of a group; the first one is run.
Group = tuple[str, ...]
_CLASS_KEYS = ('num_classes', 'num_things_classes', 'num_stuff_classes')


@cache
def _read(name: str) -> Config:
    return Config.fromfile(config_root() / name)


def config_of(name: str) -> Config:
    """Return a config, which is read once."""
    return copy.deepcopy(_read(name))


def reduced_config_of(name: str) -> Config:
    """Return a config with its model at reduced size."""
    cfg = config_of(name)
    reduce_config(cfg)
    return cfg


@cache
def _keys(name: str) -> dict[str, str]:
    """What tests see of a config: of its training, of its network."""
    cfg = reduced_config_of(name)
    return dict(training=training_key(cfg), network=network_key(cfg))


def grouped(by: str, names: Iterable[str]) -> list[Group]:
    """Sort configs into groups of equal keys.

    Args:
        by: ``'training'`` (:func:`training_key`) or ``'network'`` (:func:`network_key`).
        names: the configs.

    Returns:
        The groups, in the order of their first configs.
    """
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(_keys(name)[by], []).append(name)
    return [tuple(group) for group in groups.values()]


def training_key(cfg: Config) -> str:
    """What a training step and a prediction see: the whole model, and how it is optimised.

    Left out are numbers that only scale a step: rates, betas, weight decay (which the test sets to
    0), and those that scale the colours. Each config's own ones are held to be above 0 by a test of
    every config.
    """
    optimisation = {
        key: value for key, value in cfg.optim_wrapper.items() if key not in ('type', 'optimizer')
    }
    clip = optimisation.pop('clip_grad', None)
    paramwise = optimisation.pop('paramwise_cfg', None)
    how = [optimisation, cfg.optim_wrapper.optimizer.type, clip is None, paramwise is None]
    model = copy.deepcopy(cfg.model)
    for key in ('mean', 'std', 'to_rgb', 'bgr_to_rgb'):
        model.data_preprocessor.pop(key, None)
    return _text([cfg.default_scope, _without_classes(cfg, model), how])


def network_key(cfg: Config) -> str:
    """What the network computes: no losses, nothing that is done in front of it or behind it."""
    return _text([cfg.default_scope, _without_classes(cfg, _network(cfg.model))])


def _network(node: Any) -> Any:
    """A config without losses, preprocessing and the settings of training and test."""
    left_out = ('data_preprocessor', 'train_cfg', 'test_cfg')
    if isinstance(node, dict):
        return {
            key: _network(value)
            for key, value in node.items()
            if key not in left_out and not key.startswith('loss_')
        }
    return [_network(value) for value in node] if isinstance(node, list | tuple) else node


def _without_classes(cfg: Config, node: Any) -> Any:
    """A config that tells of the number of classes only whether it is one or more.

    The number is that of a last layer's rows, of which no test asks how many there are. What does
    not agree with the head's number stays as it is, so that it gets a run of its own: another
    number elsewhere, or weights of classes of another length.
    """
    number = num_classes_of(cfg)
    own = {key: head_of(cfg)[key] for key in _CLASS_KEYS if key in head_of(cfg)}

    def replaced(node: Any) -> Any:
        if isinstance(node, dict):
            return {
                key: _some(value)
                if key in own and value == own[key]
                else _weights(value, number)
                if key == 'class_weight'
                else replaced(value)
                for key, value in node.items()
            }
        return [replaced(value) for value in node] if isinstance(node, list | tuple) else node

    return replaced(node)


def _some(number: int) -> Any:
    return 'several' if number > 1 else number


def _weights(weights: Any, number: int) -> Any:
    """Weights of the classes, of which all above 0 are alike."""
    if not isinstance(weights, list | tuple) or min(weights) <= 0:
        return weights
    return {number: 'one a class', number + 1: 'one a class, one for none'}.get(
        len(weights), weights
    )


def _text(what: Any) -> str:
    return json.dumps(what, sort_keys=True, default=str)
