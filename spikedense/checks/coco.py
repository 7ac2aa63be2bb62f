"""The check of a COCO file against what a data set takes from it, before mmdet reads the file.

mmdet documents that it skips some annotations (crowds, empty boxes, boxes outside their image).
Many other defects of a file lead to a traceback without the file's name, to a wrong label or mask,
or to an endless loop: pycocotools never returns from a polygon with a NaN.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import Any

from spikedense.errors import UserError
from spikedense.utils.wording import some_of

from .coco_annotations import check_instances, check_segments
from .coco_findings import CocoUse, Findings, lacking, shown

_IMAGE_KEYS = frozenset({'id', 'file_name', 'height', 'width'})
_CATEGORY_KEYS = frozenset({'id', 'name'})


def check_coco(content: Any, use: CocoUse) -> Findings:
    """Check a COCO file, instances or panoptic, in one pass.

    Args:
        content: The parsed file.
        use: What the data set takes from it.

    Returns:
        What mmdet will skip, and the images that mmdet will use.

    Raises:
        UserError: The file has faults, or leaves nothing to train on.
    """
    findings = Findings(use.file)
    images = _images(_entries(content, 'images', findings), findings)
    categories = _categories(_entries(content, 'categories', findings), use, findings)
    annotations = _entries(content, 'annotations', findings, optional=use.test_mode)
    findings.end_on_fault()
    _compare_names(categories, use, findings)
    if use.panoptic:
        annotated = check_segments(annotations, images, categories, use, findings)
    else:
        names = {number: category['name'] for number, category in categories.items()}
        annotated = check_instances(annotations, images, names, use, findings)
    findings.end_on_fault()
    findings.used_images = _used_images(images, annotated, len(annotations), use, findings)
    return findings


def check_labels(
    categories: Sequence[Mapping[str, Any]], labels: Mapping[Any, int], use: CocoUse
) -> None:
    """Check that mmdet gave each category the label of its class.

    mmdet numbers the categories of the file that are classes, in the order of the file. Another
    order, a missing category or a name that occurs twice shifts the labels.

    Args:
        categories: The categories of the file.
        labels: Category id -> label, as mmdet assigned them.
        use: What the data set takes from the file.

    Raises:
        UserError: A label belongs to another class than the category.
    """
    for category in categories:
        name, label = category['name'], labels.get(category['id'])
        if label is None:
            continue
        found = use.classes[label] if label < len(use.classes) else 'none'
        if found != name:
            raise UserError(
                f"'{use.file}': category {category['id']} {name!r} would get label {label}, which "
                f'in metainfo.classes is {found!r}: mmdet gives labels in the order of the '
                'categories in the file, so list in metainfo.classes those of '
                f'{_quoted(c["name"] for c in categories)} in this order, and none that the file '
                'lacks before them'
            )


def _entries(content: Any, key: str, findings: Findings, optional: bool = False) -> list:
    if not isinstance(content, dict):
        raise UserError(f"'{findings.file}' holds {shown(content)}, expected a COCO object")
    entries = content.get(key, [] if optional else None)
    if isinstance(entries, list):
        return entries
    found = f'{key}={shown(entries)}' if key in content else f'no {key!r}'
    raise UserError(f"'{findings.file}' has {found}, expected a list: is it a COCO file?")


def _images(entries: list, findings: Findings) -> dict:
    images: dict = {}
    for number, image in enumerate(entries):
        fault = lacking(image, _IMAGE_KEYS)
        if fault:
            findings.fault(f'image {number} in the list', fault)
            continue
        where = f"image {image['id']} '{image['file_name']}'"
        for key in ('height', 'width'):
            if not (isinstance(image[key], int | float) and 0 < image[key] < inf):
                findings.fault(where, f'{key}={shown(image[key])}, expected a number above 0')
        if image['id'] in images:
            findings.fault(where, f"its id is also that of '{images[image['id']]['file_name']}'")
        images[image['id']] = image
    return images


def _categories(entries: list, use: CocoUse, findings: Findings) -> dict:
    keys = _CATEGORY_KEYS | {'isthing'} if use.panoptic else _CATEGORY_KEYS
    categories: dict = {}
    names = Counter(entry.get('name') for entry in entries if isinstance(entry, dict))
    for number, category in enumerate(entries):
        fault = lacking(category, keys)
        if fault is None and category['id'] in categories:
            fault = f'its id {category["id"]} is that of {categories[category["id"]]["name"]!r} too'
        if fault is None and category['name'] in use.classes and names[category['name']] > 1:
            fault = f'it is one of {names[category["name"]]} that are named {category["name"]!r}'
        if fault:
            findings.fault(f'category {number} in the list', fault)
            continue
        categories[category['id']] = category
    return categories


def _compare_names(categories: dict, use: CocoUse, findings: Findings) -> None:
    names = [category['name'] for category in categories.values()]
    others = [name for name in names if name not in use.classes]
    if len(others) == len(names):
        raise UserError(
            f"none of the categories of '{use.file}' is a class of the data set: the file has "
            f'{_quoted(names)}, metainfo.classes are {_quoted(use.classes)}'
        )
    if use.panoptic and others:
        # mmdet skips instances of other categories, but raises a KeyError for segments of them.
        raise UserError(
            f"'{use.file}' has categories that are no class of the data set, {_quoted(others)}; "
            f'metainfo.classes are {_quoted(use.classes)}, and panoptic segments need them all'
        )
    findings.absent_classes = [name for name in use.classes if name not in names]


def _used_images(
    images: dict, annotated: set, number: int, use: CocoUse, findings: Findings
) -> list[dict]:
    """Return the images that mmdet's filter keeps."""
    if use.test_mode:
        return list(images.values())
    left = [
        image
        for key, image in images.items()
        if (key in annotated or not use.filter_empty)
        and min(image['height'], image['width']) >= use.min_size
    ]
    out = sum(findings.skipped.values()) + sum(findings.other_classes.values())
    nothing = use.filter_empty and not use.panoptic and out == number
    if nothing or not left:
        reasons = [line for line in (findings.skips(), *findings.warnings()) if line]
        raise UserError(
            f"'{use.file}' leaves nothing to train on: {len(annotated)} of {len(images)} images "
            f'have an annotation of the classes {_quoted(use.classes)}, of these images '
            f'filter_empty_gt={use.filter_empty} and min_size={use.min_size} leave {len(left)}'
            + ''.join(f'; {reason}' for reason in reasons)
        )
    return left


def _quoted(names: Iterable[str]) -> str:
    return some_of(repr(name) for name in names)
