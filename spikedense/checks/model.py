"""A model of a config, and what can be wrong with it before it sees an image."""

from typing import Any

from mmengine.config import Config
from mmengine.registry import HOOKS, MODELS, init_default_scope
from torch import nn

from spikedense.errors import UserError
from spikedense.utils.unwrap import unwrap

from .classes import number_of_classes

# The order matters: the box head of a panoptic FPN knows the things only.
_LABELLERS = (
    'decode_head',
    'panoptic_head',
    'panoptic_fusion_head',
    'roi_head.bbox_head',
    'bbox_head',
)


def build_model(cfg: Config, part: str = 'model') -> Any:
    """Build the model of a config, or its backbone alone, with random weights.

    Nothing is downloaded. The ``default_scope`` of the config becomes the current one. Hooks that
    change the model, as ``NonStatefulHook``, are applied.

    Args:
        cfg: The config.
        part: ``'model'`` or ``'backbone'``.

    Returns:
        The module; typed loosely, because a model has methods that ``nn.Module`` lacks.

    Raises:
        UserError: The model has no ``backbone``.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    if part != 'model' and part not in cfg.model:
        raise UserError(f"{cfg.filename}: the config's model has no '{part}'")
    hooks = _changing_hooks(cfg)
    if part != 'model' and not hooks:
        return MODELS.build(cfg.model[part])
    model = MODELS.build(cfg.model)
    for hook in hooks:
        hook.change_model(model)
    return model if part == 'model' else getattr(model, part)


def _changing_hooks(cfg: Config) -> list[Any]:
    """Build the hooks of a config that change its model and not only its training.

    Such a hook has a method ``change_model``. A runner calls the hook itself.
    """
    found = []
    for hook in cfg.get('custom_hooks') or ():
        cls = HOOKS.get(hook['type']) if isinstance(hook.get('type'), str) else hook.get('type')
        if hasattr(cls, 'change_model'):
            found.append(HOOKS.build(hook))
    return found


def classifier(model: nn.Module) -> tuple[str, int] | None:
    """Find the head that gives the predictions of a model their labels.

    Args:
        model: A segmentor or detector, maybe inside a wrapper.

    Returns:
        The name of the head and its number of classes (in a cascade those of the last stage), or
        None if the model has no head of a known name.
    """
    inner = unwrap(model)
    for name in _LABELLERS:
        head = inner
        for part in name.split('.'):
            head = getattr(head, part, None)
        if isinstance(head, nn.ModuleList):
            head = head[-1]
        if isinstance(getattr(head, 'num_classes', None), int):
            return name, number_of_classes(head)
    return None
