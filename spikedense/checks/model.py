"""A model of a config, and what can be wrong with it before it sees an image."""

from typing import Any

from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from spikedense.errors import UserError
from spikedense.utils.unwrap import unwrap

_READERS = ('neck', 'decode_head', 'panoptic_head')
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

    Nothing is downloaded. The ``default_scope`` of the config becomes the current one.

    Args:
        cfg: The config.
        part: ``'model'`` or ``'backbone'``.

    Returns:
        The module; typed loosely, because a model has methods that ``nn.Module`` lacks.

    Raises:
        UserError: The model has no ``backbone``.
    """
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    if part == 'model':
        return MODELS.build(cfg.model)
    if part not in cfg.model:
        raise UserError(f"{cfg.filename}: the config's model has no '{part}'")
    return MODELS.build(cfg.model[part])


def check_widths(model: nn.Module) -> None:
    """Check that the neck or head behind the backbone expects the maps of the backbone.

    A neck or head of another library is not checked, because it may read only some of the maps.

    Args:
        model: A segmentor or detector, maybe inside a wrapper.

    Raises:
        UserError: The numbers of maps or their channels differ.
    """
    inner = unwrap(model)
    given = getattr(getattr(inner, 'backbone', None), 'out_channels', None)
    name = next((n for n in _READERS if getattr(inner, n, None) is not None), None)
    reader = getattr(inner, name) if name else None
    wanted = getattr(reader, 'in_channels', None)
    if (
        isinstance(given, list | tuple)
        and isinstance(wanted, list | tuple)
        and type(reader).__module__.startswith('spikedense.')
        and list(wanted) != list(given)
    ):
        raise UserError(
            f'model.{name}.in_channels={list(wanted)}, but with '
            f'out_indices={tuple(inner.backbone.out_indices)} the backbone gives {list(given)}'
        )


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
        number = getattr(head, 'num_classes', None)
        if isinstance(number, int):
            # A head with one output map tells two classes apart.
            return name, max(number, 2) if getattr(head, 'out_channels', None) == 1 else number
    return None
