"""What can be seen to be wrong with a model before an image goes through it."""

from typing import Any

from torch import nn

from .errors import RunError

_READERS = ('neck', 'decode_head', 'panoptic_head')
_CLASSIFIERS = ('decode_head', 'panoptic_head')
# In this order: the box head of a panoptic FPN knows the things only.
_LABELLERS = (*_CLASSIFIERS, 'panoptic_fusion_head', 'roi_head.bbox_head', 'bbox_head')


def check_widths(model: nn.Module) -> None:
    """See that what stands behind the backbone reads the maps that the backbone gives.

    Only where both are of this package: others may pick some of the maps.

    Args:
        model: A segmentor, a detector, or one of them inside a wrapper.

    Raises:
        RunError: Numbers or widths of the maps differ.
    """
    inner: Any = getattr(model, 'module', model)
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
        raise RunError(
            f'model.{name}.in_channels={list(wanted)}, but with '
            f'out_indices={tuple(inner.backbone.out_indices)} the backbone gives {list(given)}'
        )


def check_classes(model: nn.Module, dataset: Any) -> None:
    """See that a model can tell all classes of its training set apart; it may know more.

    Args:
        model: A segmentor or a mask classifier; other models are not looked at.
        dataset: The training set.

    Raises:
        RunError: The model has too few classes.
    """
    inner: Any = getattr(model, 'module', model)
    classes = getattr(dataset, 'metainfo', {}).get('classes')
    for name in _CLASSIFIERS:
        number = getattr(getattr(inner, name, None), 'num_classes', None)
        if classes and number is not None and number < len(classes):
            raise RunError(
                f'model.{name} has {number} classes, but {type(dataset).__name__} has '
                f'{len(classes)}'
            )


def classifier(model: nn.Module) -> tuple[str, int] | None:
    """The head that gives a model's predictions their labels, and how many it knows.

    Args:
        model: A segmentor, a detector, or one of them inside a wrapper.

    Returns:
        Name of the head and its number of classes, of a cascade that of the last stage; None where
        no head is known.
    """
    inner: Any = getattr(model, 'module', model)
    for name in _LABELLERS:
        head = inner
        for part in name.split('.'):
            head = getattr(head, part, None)
        if isinstance(head, nn.ModuleList):
            head = head[-1]
        number = getattr(head, 'num_classes', None)
        if isinstance(number, int):
            # A head of one map says yes or no.
            return name, max(number, 2) if getattr(head, 'out_channels', None) == 1 else number
    return None
