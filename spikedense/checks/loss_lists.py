"""Do the losses of a model have a value for each output of their head?"""

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from spikedense.errors import UserError
from spikedense.utils.unwrap import unwrap

#: Arguments of losses with a value for each output of the head -> a value for all of them.
_LISTS = {'class_weight': 'None', 'pos_weight': 'None', 'alpha': '0.25'}
#: Layers that give the outputs of a head.
_OUTPUT_LAYERS = ('cls_embed', 'fc_cls', 'conv_seg', 'fc')


def check_loss_lists(model: nn.Module) -> None:
    """Check that lists with a value for each class, as ``class_weight``, have the right length.

    Args:
        model: A model, maybe inside a wrapper.

    Raises:
        UserError: A list of a loss has another length than the outputs of its head, or a loss has
            another number of classes than its head.
    """
    for name, head in _heads(unwrap(model)):
        outputs = _outputs(head)
        for part, loss in _losses(head):
            key = f'model.{name}.{part}'
            number = getattr(loss, 'num_classes', None)
            if isinstance(number, int) and number != head.num_classes:
                raise UserError(
                    f'{key}.num_classes={number}, but model.{name} has {head.num_classes} classes'
                )
            for argument in _LISTS:
                _check_list(key, head, loss, argument, outputs)


def _check_list(key: str, head: Any, loss: Any, argument: str, outputs: int) -> None:
    """Check one argument of a loss."""
    values: Any = getattr(loss, argument, None)
    # A mask classifier adds up the weights, so it needs them.
    needed = argument == 'class_weight' and loss is getattr(head, 'loss_cls', None)
    needed = needed and hasattr(head, 'class_weight')
    if values is None and needed:
        found = '=None'
    elif _has_length(values) and len(values) != outputs:
        found = f' has {len(values)} values'
    else:
        return
    alike = '' if needed else f', or {argument}={_LISTS[argument]}, which weighs all of them alike'
    raise UserError(
        f'{key}.{argument}{found}, expected {outputs} values, one for each output of the head '
        f'({_what_outputs_are(head, outputs)}){alike}'
    )


def _what_outputs_are(head: Any, outputs: int) -> str:
    number = head.num_classes
    return f'{number} classes and "nothing"' if outputs == number + 1 else 'its classes'


def _heads(model: nn.Module) -> Iterator[tuple[str, Any]]:
    """Give the heads of a model that have classes, by their keys in a config."""
    for name, module in model.named_modules():
        kinds = [part for part in name.split('.') if not part.isdecimal()]
        is_head = bool(kinds) and kinds[-1].endswith('head')
        if is_head and isinstance(getattr(module, 'num_classes', None), int):
            yield name, module


def _losses(head: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Give the losses of a head, by their keys in its config."""
    for name, child in head.named_children():
        # A loss of the pixels of masks sees one class at a time.
        if 'loss' not in name or getattr(child, 'use_mask', False):
            continue
        if isinstance(child, nn.ModuleList):
            yield from ((f'{name}.{index}', one) for index, one in enumerate(child))
        else:
            yield name, child


def _outputs(head: Any) -> int:
    """Return the number of scores that a head gives: for each class, and maybe for "nothing"."""
    for name in _OUTPUT_LAYERS:
        layer = getattr(head, name, None)
        for size in ('out_features', 'out_channels'):
            if isinstance(getattr(layer, size, None), int):
                return getattr(layer, size)
    number = getattr(head, 'cls_out_channels', None)
    return number if isinstance(number, int) else head.num_classes


def _has_length(values: Any) -> bool:
    return isinstance(values, list | tuple) or (isinstance(values, Tensor) and values.dim() == 1)
