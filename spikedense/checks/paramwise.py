"""Checks of the rates of single parameters: names of ``custom_keys``, and decay over the layers."""

from collections.abc import Mapping
from logging import WARNING
from typing import Any

from mmengine.logging import print_log
from torch import nn

from spikedense.errors import UserError
from spikedense.utils.unwrap import unwrap

from .config_keys import misspelt

#: Constructors of the libraries for layer-wise decay. Only that of mmpretrain asks the model.
_DECAY = ('LearningRateDecayOptimizerConstructor', 'LayerDecayOptimizerConstructor')
_DECAY_OF_CLASSIFIERS = 'LearningRateDecayOptimWrapperConstructor'


def check_constructor(model: nn.Module, optim_wrapper: Any) -> None:
    """Check that a library's constructor for layer-wise decay fits the model.

    Those of mmseg and mmdet know the names of the layers of a few backbones, and that of mmpretrain
    needs a classifier. What they raise for other models does not say what to do.

    Args:
        model: The model, maybe inside of mmengine's wrappers.
        optim_wrapper: The config of the optimizer, or a built one, which is not checked.

    Raises:
        UserError: The constructor is for other models than this one.
    """
    if not isinstance(optim_wrapper, Mapping):
        return
    constructor = str(optim_wrapper.get('constructor', '')).rpartition('.')[2]
    inner = unwrap(model)
    answers = hasattr(getattr(inner, 'backbone', None), 'get_layer_depth')
    needs_classifier = constructor == _DECAY_OF_CLASSIFIERS and not hasattr(
        inner, 'get_layer_depth'
    )
    if answers and (constructor in _DECAY or needs_classifier):
        raise UserError(
            f'optim_wrapper.constructor={constructor!r} does not know the layers of '
            f'{type(inner).__name__} on {type(inner.backbone).__name__}, expected '
            "'spikedense.LayerDecayConstructor' with paramwise_cfg.layer_decay_rate"
        )


def check_custom_keys(model: nn.Module, optim_wrapper: Any) -> None:
    """Check that ``optim_wrapper.paramwise_cfg.custom_keys`` names parameters of the model.

    mmengine gives the factors of a key to all parameters whose names contain the key, and says
    nothing about a key that is in no name. Configs of the libraries have such keys on purpose, for
    parameters that only some variants of a model have, so such a key is a warning.

    Args:
        model: The model, maybe inside of mmengine's wrappers.
        optim_wrapper: The config of the optimizer, or a built one, which is not checked.

    Raises:
        UserError: A key is in no name, but is similar to a part of a name.
    """
    if not isinstance(optim_wrapper, Mapping) or 'constructor' in optim_wrapper:
        return
    custom = (optim_wrapper.get('paramwise_cfg') or {}).get('custom_keys') or {}
    names = [name for name, _ in unwrap(model).named_parameters()]
    unused = [key for key in custom if not any(key in name for name in names)]
    words = sorted({word for name in names for word in name.split('.')})
    for key in unused:
        meant = [misspelt(word, words) or word for word in key.split('.')]
        if meant != key.split('.') and any('.'.join(meant) in name for name in names):
            raise UserError(
                f"optim_wrapper.paramwise_cfg.custom_keys['{key}'] is in no parameter's name: did "
                f"you mean '{'.'.join(meant)}'?"
            )
    if unused:
        print_log(
            'optim_wrapper.paramwise_cfg.custom_keys: no parameter has a name with '
            + ', '.join(repr(key) for key in unused),
            logger='current',
            level=WARNING,
        )
