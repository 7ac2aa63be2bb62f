"""The check of the annotations of a COCO file, one by one: faults, and what mmdet skips or ignores.

If mmdet would skip an annotation for several reasons, the first reason found here is counted.
"""

from math import isfinite
from typing import Any

from .coco_findings import CocoUse, Findings, lacking, shown

_IDS = ('id', 'image_id', 'category_id')
_INDEX_KEYS = frozenset(_IDS)
_INSTANCE_KEYS = _INDEX_KEYS | {'bbox', 'area'}
_SEGMENT_KEYS = _INSTANCE_KEYS - {'image_id'}
_PANOPTIC_KEYS = frozenset({'image_id', 'segments_info'})
_POLYGON = 6  # numbers of a triangle
_ID = int | float | str  # float: pandas writes whole numbers as floats, with the same hash


def check_instances(
    annotations: list, images: dict, categories: dict, use: CocoUse, findings: Findings
) -> set:
    """Check the annotations of an instances file.

    Args:
        annotations: The annotations.
        images: Image id -> image.
        categories: Category id -> name.
        use: What the data set takes from the file.
        findings: Collects what is found.

    Returns:
        Ids of the images that mmdet counts as annotated.
    """
    classes = set(use.classes)
    annotated: set = set()
    seen: set = set()
    learnt = {number for number, name in categories.items() if name in classes}
    for ann in annotations:
        # Most annotations have nothing to tell, and looking at them once is three times as fast.
        if _is_plain(ann, images, learnt, seen, use.masks):
            seen.add(ann['id'])
            annotated.add(ann['image_id'])
            continue
        ignored = isinstance(ann, dict) and ann.get('ignore') and not use.judged
        keys = _INDEX_KEYS if ignored else _INSTANCE_KEYS
        fault = lacking(ann, keys) or _no_id(ann, *_IDS) or _foreign(ann, images, categories)
        if fault:
            findings.fault(_where(ann, images), fault)
            continue
        if ann['id'] in seen:
            findings.fault(_where(ann, images), 'its id is used more than once')
            continue
        seen.add(ann['id'])
        name = categories[ann['category_id']]
        if name not in classes:
            findings.other_classes[name] += 1
            continue
        annotated.add(ann['image_id'])
        fault, skip = _judge(ann, images[ann['image_id']], use)
        if fault:
            findings.fault(_where(ann, images), fault)
        elif skip:
            findings.skipped[skip] += 1
    return annotated


def _is_plain(ann: Any, images: dict, learnt: set, seen: set, masks: bool) -> bool:
    """Tell whether an annotation has no fault and is learnt. If in doubt, the answer is no."""
    try:
        number, image_id, area = ann['id'], ann['image_id'], ann['area']
        x, y, width, height = ann['bbox']
        if not (
            type(number) is int
            and type(image_id) is int
            and number not in seen
            and ann['category_id'] in learnt
            and width >= 1
            and height >= 1
            and area > 0
            and isfinite(x + y + width + height + area)
            and not ann.get('iscrowd')
            and not ann.get('ignore')
        ):
            return False
        image = images[image_id]
        if x >= image['width'] or y >= image['height'] or x + width <= 0 or y + height <= 0:
            return False
        polygons = ann['segmentation'] if masks else ()
        if masks and not (polygons and type(polygons) is list):
            return False
        return all(
            type(polygon) is list
            and len(polygon) >= _POLYGON
            and len(polygon) % 2 == 0
            and isfinite(sum(polygon))
            for polygon in polygons
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return False


def check_segments(
    annotations: list, images: dict, categories: dict, use: CocoUse, findings: Findings
) -> set:
    """Check the annotations of a panoptic file.

    Args:
        annotations: The annotations, one an image.
        images: Image id -> image.
        categories: Category id -> the category, with ``isthing``.
        use: What the data set takes from the file.
        findings: Collects what is found.

    Returns:
        Ids of the images that mmdet counts as annotated, which are those with a thing.
    """
    annotated, seen = set(), set()
    for number, ann in enumerate(annotations):
        fault = lacking(ann, _PANOPTIC_KEYS) or _no_id(ann, 'image_id')
        if fault is None and ann['image_id'] not in images:
            fault = f'image_id={shown(ann["image_id"])}, expected the id of an image in the file'
        if fault is None and ann['image_id'] in seen:
            fault = f"it is the second annotation of '{images[ann['image_id']]['file_name']}'"
        if fault is None and not isinstance(ann['segments_info'], list):
            fault = f'segments_info={shown(ann["segments_info"])}, expected a list'
        if fault:
            findings.fault(f'panoptic annotation {number} in the list', fault)
            continue
        seen.add(ann['image_id'])
        image = images[ann['image_id']]
        ids = set()
        for segment in ann['segments_info']:
            fault = (
                lacking(segment, _SEGMENT_KEYS)
                or _no_id(segment, 'id', 'category_id')
                or _not_finite(segment)
            )
            if fault is None and segment['id'] in ids:
                fault = 'its id is used more than once in this image'
            if fault is None and segment['category_id'] not in categories:
                fault = f'category_id={shown(segment["category_id"])}, expected one of the file'
            if fault:
                known = isinstance(segment, dict) and 'id' in segment
                name = f'segment {shown(segment["id"])}' if known else 'segment'
                findings.fault(f"{name} of '{image['file_name']}'", fault)
                continue
            ids.add(segment['id'])
            skip = _too_small(segment)
            if skip is None and categories[segment['category_id']]['isthing']:
                skip = 'of a crowd' if segment.get('iscrowd') else None
                if skip is None:
                    annotated.add(ann['image_id'])
            if skip:
                findings.skipped[skip] += 1
    return annotated


def _where(ann: Any, images: dict) -> str:
    if not isinstance(ann, dict):
        return 'an annotation'
    number = ann.get('image_id')
    image = images.get(number) if isinstance(number, _ID) else None
    name = f'annotation {shown(ann["id"])}' if 'id' in ann else 'an annotation'
    return name + (f" of '{image['file_name']}'" if image else '')


def _no_id(entry: dict, *keys: str) -> str | None:
    """Return the fault of keys whose values are no ids, or None.

    Ids are looked up in dictionaries, so a list, say, cannot be one.
    """
    for key in keys:
        if not isinstance(entry[key], _ID):
            return f'{key}={shown(entry[key])}, expected an id, a number or a string'
    return None


def _foreign(ann: dict, images: dict, categories: dict) -> str | None:
    if ann['image_id'] not in images:
        return f'image_id={shown(ann["image_id"])}, expected the id of an image in the file'
    if ann['category_id'] not in categories:
        return f'category_id={shown(ann["category_id"])}, expected the id of a category in the file'
    return None


def _judge(ann: dict, image: dict, use: CocoUse) -> tuple[str | None, str | None]:
    """Return the fault of an instance, and the reason for which mmdet skips or ignores it."""
    if ann.get('ignore') and not use.judged:
        return None, 'marked ignore'
    fault = _not_finite(ann)
    if fault:
        return fault, None
    skip = _too_small(ann)
    if skip is None:
        x, y, width, height = ann['bbox']
        if (
            min(x + width, image['width']) <= max(x, 0)
            or min(y + height, image['height']) <= max(y, 0)
        ):  # fmt: skip
            skip = 'with the box outside its image'
    if use.masks and (skip is None or use.judged):
        fault, skip = _judge_mask(ann.get('segmentation'), image, use)
    if skip is None and ann.get('iscrowd'):
        skip = 'of a crowd'
    return fault, skip


def _not_finite(ann: dict) -> str | None:
    bbox, area = ann['bbox'], ann['area']
    if not (isinstance(bbox, list) and len(bbox) == 4 and _finite(bbox)):
        return f'bbox={shown(bbox)}, expected four finite numbers: x, y, width, height'
    if not _finite([area]):
        return f'area={shown(area)}, expected a finite number'
    return None


def _finite(numbers: list) -> bool:
    # A sum with a NaN or an infinity is not finite; one sum is faster than a test of each number.
    try:
        return isfinite(sum(numbers))
    except (TypeError, OverflowError):
        return False


def _too_small(ann: dict) -> str | None:
    if ann['bbox'][2] < 1 or ann['bbox'][3] < 1:
        return 'with a box side below one pixel'
    return 'with no area' if ann['area'] <= 0 else None


def _judge_mask(mask: Any, image: dict, use: CocoUse) -> tuple[str | None, str | None]:
    if not mask:
        reader = "metric reads (metric='segm')" if use.judged else 'config reads (with_mask=True)'
        return f"it has no 'segmentation', which the {reader}", None
    if isinstance(mask, list):
        return _judge_polygons(mask)
    if not isinstance(mask, dict):
        return f'segmentation={shown(mask)}, expected polygons or an RLE', None
    if not use.rle:
        return None, 'with an RLE where polygons are asked for (poly2mask=False)'
    size, counts = mask.get('size'), mask.get('counts')
    if size is None or not isinstance(counts, list | str):
        return None, 'with an RLE that lacks its size or counts'
    height, width = image['height'], image['width']
    if size != [height, width]:
        return f'RLE size={shown(size)}, expected [{height}, {width}] as its image', None
    if isinstance(counts, list):
        # Counts in a string are not checked here, because pycocotools refuses wrong ones itself.
        total = sum(counts) if _finite(counts) else None
        if total != height * width:
            return f'the RLE counts add up to {total}, expected {height * width} pixels', None
    return None, None


def _judge_polygons(polygons: list) -> tuple[str | None, str | None]:
    usable = 0
    for polygon in polygons:
        if not isinstance(polygon, list):
            return f'segmentation={shown(polygons)}, expected a list of polygons', None
        # mmdet drops polygons of other lengths.
        if len(polygon) >= _POLYGON and len(polygon) % 2 == 0:
            if not _finite(polygon):
                return f'segmentation={shown(polygons)}, expected finite numbers', None
            usable += 1
    return None, None if usable else 'without a polygon of three points'
