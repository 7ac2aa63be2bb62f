"""The heads of a model against the classes and the void label of its data."""

from collections.abc import Iterator
from logging import WARNING
from typing import Any

import numpy as np
from mmengine.logging import print_log
from torch import nn

from spikedense.errors import UserError
from spikedense.utils.unwrap import unwrap

from .label_maps import Ignored
from .parts import inner_data_sets, spread

_SEGMENTORS = ('decode_head', 'auxiliary_head')
_DETECTORS = ('roi_head.bbox_head', 'roi_head.mask_head', 'bbox_head', 'mask_head')
_OTHERS = ('panoptic_head', 'panoptic_fusion_head', 'head')
_LABELS_READ = 4096
# Heads that learn borders or depths, not classes.
_NO_CLASSES = {'STDCHead', 'VPDDepthHead'}


def heads_of(model: nn.Module, *names: str) -> Iterator[tuple[str, Any]]:
    """Yield the heads of a model and their keys in the config, the stages of a cascade one by one.

    Args:
        model: The model, maybe inside a wrapper.
        *names: Names of heads, with dots for heads of heads.

    Yields:
        Key and head.
    """
    inner = unwrap(model)
    for name in names:
        head = inner
        for part in name.split('.'):
            head = getattr(head, part, None)
        stages = isinstance(head, nn.ModuleList)
        for i, stage in enumerate(head if stages else [head]):
            if stage is not None:
                yield f'model.{name}.{i}' if stages else f'model.{name}', stage


def check_classes(model: nn.Module, dataset: Any) -> None:
    """Check that each head of a model has an output for each class of a data set.

    Args:
        model: A model of mmseg, mmdet or mmpretrain. Heads without ``num_classes`` are not checked.
        dataset: The data set. A warning tells of heads with more classes.

    Raises:
        UserError: A head has fewer classes than the data set.
    """
    metainfo = getattr(dataset, 'metainfo', None)
    if isinstance(metainfo, list | tuple):  # of joined data sets that keep theirs apart
        metainfo = metainfo[0] if metainfo else None
    metainfo = metainfo if isinstance(metainfo, dict) else {}
    name = type(inner_data_sets(dataset)[0]).__name__
    for key, given, wanted, kind in _pairs(model, metainfo):
        if given < wanted:
            raise UserError(
                f'{key}={given}, but {name} has {wanted} {kind}: the last labels have no output'
            )
        if given > wanted:
            print_log(
                f'{key}={given}, but {name} has {wanted} {kind}: the other outputs have no class',
                logger='current',
                level=WARNING,
            )


def _pairs(model: nn.Module, metainfo: dict) -> Iterator[tuple[str, int, int, str]]:
    """Yield the key, the classes of a head, those of the data, and what they are."""
    classes, things = metainfo.get('classes'), metainfo.get('thing_classes')
    things = things if isinstance(things, list | tuple) else None
    inner: Any = unwrap(model)
    # A detector that reads names of classes has as many classes as it reads.
    if not isinstance(classes, list | tuple) or getattr(inner, 'language_model', None) is not None:
        return
    for key, head in heads_of(model, *_SEGMENTORS):
        if not _NO_CLASSES & {cls.__name__ for cls in type(head).__mro__}:
            yield from _pair(key, head, len(classes))
    # The detector inside of a panoptic model knows the things only.
    panoptic = getattr(inner, 'panoptic_fusion_head', None) is not None
    known = things if panoptic and things is not None else classes
    for key, head in heads_of(model, *_DETECTORS):
        if not getattr(head, 'class_agnostic', False):
            yield from _pair(key, head, len(known))
    for key, head in heads_of(model, *_OTHERS):
        if things is None or not hasattr(head, 'num_things_classes'):
            yield from _pair(key, head, len(classes))
            continue
        stuff = len(classes) - len(things)
        yield f'{key}.num_things_classes', head.num_things_classes, len(things), 'thing_classes'
        yield f'{key}.num_stuff_classes', head.num_stuff_classes, stuff, 'classes of stuff'


def _pair(key: str, head: Any, wanted: int) -> Iterator[tuple[str, int, int, str]]:
    if isinstance(getattr(head, 'num_classes', None), int):
        yield f'{key}.num_classes', number_of_classes(head), wanted, 'classes'


def number_of_classes(head: Any) -> int:
    """Return the number of classes that a head tells apart.

    Args:
        head: A head with ``num_classes``.
    """
    # A head with one output map tells two classes apart.
    one_map = getattr(head, 'out_channels', None) == 1
    return max(head.num_classes, 2) if one_map else head.num_classes


def check_image_labels(model: nn.Module, dataset: Any) -> None:
    """Check that labels of images, as mmpretrain's data sets have them, are classes of the head.

    Args:
        model: A classifier. Other models are not checked.
        dataset: The data set, of which up to 4096 labels are looked at, spread over the set.

    Raises:
        UserError: A label has no output.
    """
    for key, head in heads_of(model, 'head'):
        number = getattr(head, 'num_classes', None)
        if not isinstance(number, int):
            continue
        for data in inner_data_sets(dataset):
            for i in spread(range(len(data)), _LABELS_READ):
                entry = data.get_data_info(i) if hasattr(data, 'get_data_info') else {}
                labels = np.ravel(entry.get('gt_label', ()))
                wrong = [label for label in labels.tolist() if not 0 <= label < number]
                if wrong:
                    raise UserError(
                        f"'{entry.get('img_path')}' of {type(data).__name__} has gt_label="
                        f'{wrong[0]}, expected 0 to {number - 1}, because {key}.num_classes='
                        f'{number}'
                    )


def check_class_order(train: Any, judged: Any, key: str) -> None:
    """Check that the classes of two data sets have the same numbers.

    Args:
        train: The training set.
        judged: The set for validation or test.
        key: Key of the loader of that set.

    Raises:
        UserError: The same classes have another order.
    """
    first, second = (getattr(d, 'metainfo', None) for d in (train, judged))
    if not (isinstance(first, dict) and isinstance(second, dict)):
        return
    a, b = first.get('classes'), second.get('classes')
    if not (isinstance(a, list | tuple) and isinstance(b, list | tuple)) or list(a) == list(b):
        return
    i = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    said = (
        f'class {i} is {_name(a, i)} in the metainfo.classes of train_dataloader and '
        f'{_name(b, i)} in those of {key}'
    )
    if sorted(map(str, a)) == sorted(map(str, b)):
        raise UserError(f'{said}, expected the same order')
    print_log(said, logger='current', level=WARNING)


def _name(names: Any, i: int) -> str:
    return repr(names[i]) if i < len(names) else 'absent'


def void_labels(model: nn.Module) -> list[Ignored]:
    """Return the void label of each head of a segmentor.

    Args:
        model: The model.
    """
    return [
        Ignored(f'{key}.ignore_index', head.ignore_index)
        for key, head in heads_of(model, *_SEGMENTORS)
        if isinstance(getattr(head, 'ignore_index', None), int)
    ]


def check_void(model: nn.Module) -> None:
    """Check that the losses of a head and the padding have the void label of the head.

    Args:
        model: A model. Only heads of mmseg are checked.

    Raises:
        UserError: A loss has another ``ignore_index`` than its head.
    """
    for key, head in heads_of(model, *_SEGMENTORS):
        void = getattr(head, 'ignore_index', None)
        if not isinstance(void, int):
            continue
        for module in head.modules():
            for name in ('ignore_index', 'ignore_label'):
                other = vars(module).get(name)
                if module is not head and isinstance(other, int) and other != void:
                    raise UserError(
                        f'{key}.ignore_index={void}, but its {type(module).__name__} has '
                        f'{name}={other}, expected the same label'
                    )
        preprocessor = getattr(unwrap(model), 'data_preprocessor', None)
        padding = getattr(preprocessor, 'seg_pad_val', void)
        if padding != void:
            print_log(
                f'model.data_preprocessor.seg_pad_val={padding}, but {key}.ignore_index={void}: '
                'padded pixels are not void',
                logger='current',
                level=WARNING,
            )
