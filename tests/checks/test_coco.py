"""Each defect of a COCO file is named; what mmdet documents as a skip is counted."""

import copy
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spikedense.checks.coco import CocoUse, UserError, check_coco, check_labels

NAN, INF = float('nan'), float('inf')
CLASSES = ('cat', 'dog')
USE = CocoUse('a.json', CLASSES, masks=True, filter_empty=True, min_size=8)
PANOPTIC = CocoUse('a.json', CLASSES, panoptic=True, filter_empty=True)
SQUARE = [2, 3, 12, 3, 12, 11, 2, 11]


def instances() -> dict[str, Any]:
    """Three images of 20x30 with an annotation each."""
    return dict(
        images=[dict(id=i, file_name=f'{i}.jpg', height=20, width=30) for i in (1, 2, 3)],
        categories=[dict(id=1, name='cat'), dict(id=5, name='dog')],
        annotations=[
            dict(
                id=10 + i,
                image_id=i,
                category_id=5 if i == 2 else 1,
                bbox=[2, 3, 10, 8],
                area=80,
                iscrowd=0,
                segmentation=[SQUARE],
            )
            for i in (1, 2, 3)
        ],
    )


def panoptic() -> dict[str, Any]:
    """Two images with a thing and stuff each."""
    content = instances()
    for category, isthing in zip(content['categories'], (1, 0), strict=True):
        category['isthing'] = isthing
    box = dict(bbox=[2, 3, 10, 8], area=80, iscrowd=0)
    content['annotations'] = [
        dict(
            image_id=i,
            file_name=f'{i}.png',
            segments_info=[dict(id=7, category_id=1, **box), dict(id=8, category_id=5, **box)],
        )
        for i in (1, 2)
    ]
    return content


def change(place: str, index: int = 0, **values: Any) -> Callable:
    """An edit of one entry; a value of ``...`` takes the key away."""

    def edit(content: dict) -> None:
        entry = content[place][index]
        entry.update(values)
        for key in [key for key, value in values.items() if value is ...]:
            del entry[key]

    return edit


def annotation(**values: Any) -> Callable:
    return change('annotations', **values)


def segment(**values: Any) -> Callable:
    def edit(content: dict) -> None:
        change('segments_info', **values)(content['annotations'][0])

    return edit


def rle(size: list, counts: Any) -> Callable:
    return annotation(segmentation=dict(size=size, counts=counts))


def edited(content: dict, edit: Callable) -> dict:
    content = copy.deepcopy(content)
    edit(content)
    return content


IN_FIRST = "'a.json': annotation 11 of '1.jpg': "


@pytest.mark.parametrize(
    ('edit', 'said'),
    [
        (annotation(bbox=[NAN, 1, 5, 5]), IN_FIRST + 'bbox=[nan, 1, 5, 5], expected four finite'),
        (annotation(bbox=[1, 1, INF, 5]), 'bbox=[1, 1, inf, 5]'),
        (annotation(bbox=[1, 1, 5]), 'bbox=[1, 1, 5], expected four finite numbers'),
        (annotation(bbox=['1', '1', '5', '5']), "bbox=['1', '1', '5', '5']"),
        (annotation(bbox=None), 'bbox=None'),
        (annotation(area=NAN), IN_FIRST + 'area=nan, expected a finite number'),
        (annotation(area=None), 'area=None'),
        (annotation(bbox=..., area=...), IN_FIRST + "it has no 'area', 'bbox', which mmdet reads"),
        (annotation(id=...), "an annotation of '1.jpg': it has no 'id'"),
        (annotation(image_id=...), "annotation 11: it has no 'image_id'"),
        (annotation(image_id=77), 'annotation 11: image_id=77, expected the id of an image'),
        (annotation(category_id=77), IN_FIRST + 'category_id=77, expected the id of a category'),
        # None of these can be looked up in a dictionary.
        (annotation(image_id=[1]), 'annotation 11: image_id=[1], expected an id, a number or a'),
        (annotation(category_id={}), IN_FIRST + 'category_id={}, expected an id, a number or a'),
        (annotation(id=[1]), "annotation [1] of '1.jpg': id=[1], expected an id, a number or a"),
        (annotation(id=..., image_id=[1]), "'a.json': an annotation: it has no 'id'"),
        (annotation(id=12), "annotation 12 of '2.jpg': its id is used more than once"),
        (annotation(segmentation=...), IN_FIRST + "it has no 'segmentation', which the config"),
        (annotation(segmentation=[]), "it has no 'segmentation'"),
        (annotation(segmentation='abc'), "segmentation='abc', expected polygons or an RLE"),
        (annotation(segmentation=SQUARE), 'expected a list of polygons'),
        # pycocotools never returns from this one.
        (annotation(segmentation=[[NAN, *SQUARE[1:]]]), 'expected finite numbers'),
        # mmdet reshapes a mask of the wrong size, if its pixels can be dealt out evenly.
        (rle([30, 20], 'abc'), IN_FIRST + 'RLE size=[30, 20], expected [20, 30] as its image'),
        (rle([40, 30], [100, 50, 1050]), 'RLE size=[40, 30], expected [20, 30]'),
        # pycocotools fills what is short from memory that is not its own.
        (rle([20, 30], [100, 50]), 'the RLE counts add up to 150, expected 600 pixels'),
        (rle([20, 30], [100, None]), 'the RLE counts add up to None, expected 600'),
        (change('images', id=...), "image 0 in the list: it has no 'id'"),
        (change('images', width=...), "it has no 'width', which mmdet reads"),
        (change('images', height=0), "image 1 '1.jpg': height=0, expected a number above 0"),
        (change('images', height='20'), "height='20'"),
        (change('images', id=2), "image 2 '2.jpg': its id is also that of '1.jpg'"),
        (change('categories', name=...), "category 0 in the list: it has no 'name'"),
        (change('categories', id=5), "category 1 in the list: its id 5 is that of 'cat' too"),
        (change('categories', name='dog'), "it is one of 2 that are named 'dog'"),
        (lambda content: content['annotations'].append(3), 'found 3, expected an object'),
        (lambda content: content.pop('images'), "'a.json' has no 'images', expected a list"),
        (lambda content: content.update(categories={}), 'has categories={}, expected a list'),
        (lambda content: content.pop('annotations'), "has no 'annotations'"),
    ],
)
def test_defect_of_instances(edit: Callable, said: str) -> None:
    with pytest.raises(UserError) as error:
        check_coco(edited(instances(), edit), USE)
    assert said in str(error.value)
    assert "'a.json'" in str(error.value)


@pytest.mark.parametrize(
    ('edit', 'said'),
    [
        (segment(bbox=[1, 1, INF, 5]), "segment 7 of '1.jpg': bbox=[1, 1, inf, 5]"),
        (segment(id=...), "segment of '1.jpg': it has no 'id'"),
        (segment(category_id=77), 'category_id=77, expected one of the file'),
        (segment(id=8), "segment 8 of '1.jpg': its id is used more than once in this image"),
        (segment(id=[7]), "segment [7] of '1.jpg': id=[7], expected an id, a number or a string"),
        (segment(category_id=[1]), "segment 7 of '1.jpg': category_id=[1], expected an id"),
        (annotation(segments_info=...), "it has no 'segments_info'"),
        (annotation(segments_info=3), 'segments_info=3, expected a list'),
        (annotation(image_id=[1]), 'annotation 0 in the list: image_id=[1], expected an id, a num'),
        (annotation(image_id=77), 'image_id=77, expected the id of an image'),
        (annotation(image_id=2), "it is the second annotation of '2.jpg'"),
        (change('categories', isthing=...), "it has no 'isthing'"),
        (
            lambda content: content['categories'].append(dict(id=6, name='sky', isthing=0)),
            "'a.json' has categories that are no class of the data set, 'sky'",
        ),
    ],
)
def test_defect_of_panoptic(edit: Callable, said: str) -> None:
    with pytest.raises(UserError) as error:
        check_coco(edited(panoptic(), edit), PANOPTIC)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ('edit', 'reason'),
    [
        (annotation(bbox=[100, 3, 10, 8]), 'with the box outside its image'),
        (annotation(bbox=[-20, 3, 20, 8]), 'with the box outside its image'),
        (annotation(bbox=[2, 3, 0.5, 8]), 'with a box side below one pixel'),
        (annotation(bbox=[2, 3, -5, 8]), 'with a box side below one pixel'),
        (annotation(area=0), 'with no area'),
        (annotation(iscrowd=1), 'of a crowd'),
        (annotation(ignore=1, bbox=...), 'marked ignore'),
        (annotation(segmentation=[[1, 2, 3, 4], SQUARE[:7]]), 'without a polygon of three points'),
        (annotation(segmentation=dict(counts='abc')), 'with an RLE that lacks its size or counts'),
    ],
)
def test_skip_of_mmdet(edit: Callable, reason: str) -> None:
    findings = check_coco(edited(instances(), edit), USE)
    assert findings.skips() == f"'a.json': 1 annotation not learnt: 1 {reason}"
    assert findings.warnings() == []


def test_skips_are_summed_up() -> None:
    content = instances()
    change('annotations', 0, area=0)(content)
    change('annotations', 1, area=-1)(content)
    content['annotations'].append({**content['annotations'][2], 'id': 14, 'iscrowd': 1})
    said = "'a.json': 3 annotations not learnt: 2 with no area, 1 of a crowd"
    assert check_coco(content, USE).skips() == said


def test_many_defects_are_one_sentence() -> None:
    content = instances()
    one = content['annotations'][0]
    content['annotations'] = [{**one, 'id': i, 'area': NAN} for i in range(8)]
    with pytest.raises(UserError) as error:
        check_coco(content, USE)
    assert str(error.value).startswith("'a.json' has 8 defects: annotation 0 of '1.jpg': area=nan")
    assert str(error.value).count('area=nan') == 5
    assert str(error.value).endswith('; and 3 more')


def test_what_is_no_defect() -> None:
    findings = check_coco(instances(), USE)
    assert findings.skips() is None and findings.warnings() == []
    assert len(findings.used_images) == 3
    content = instances()
    counts = [100, 50, 450]
    for edit in (rle([20, 30], counts), rle([20, 30], 'abc'), annotation(bbox=[25, 15, 50, 50])):
        assert check_coco(edited(content, edit), USE).skips() is None
    floats = annotation(id=11.0, image_id=1.0, category_id=1.0)
    assert check_coco(edited(content, floats), USE).skips() is None
    assert check_coco(panoptic(), PANOPTIC).skips() is None
    assert len(check_coco(panoptic(), PANOPTIC).used_images) == 2
    boxes = CocoUse('a.json', CLASSES)
    assert check_coco(edited(content, annotation(segmentation=...)), boxes).skips() is None


def test_rle_where_polygons_are_asked_for() -> None:
    use = CocoUse('a.json', CLASSES, masks=True, rle=False)
    skips = check_coco(edited(instances(), rle([20, 30], 'abc')), use).skips()
    assert skips is not None and 'poly2mask=False' in skips


def test_classes_that_only_one_side_has() -> None:
    findings = check_coco(instances(), CocoUse('a.json', ('cat', 'cow')))
    assert findings.warnings() == [
        "'a.json': 1 annotation skipped, of categories that are none of the classes: dog (1)",
        "'a.json' has no category for 1 of the classes (cow): metrics that read this file cannot "
        'judge them',
    ]


@pytest.mark.parametrize('test_mode', [True, False])
def test_no_class_in_common(test_mode: bool) -> None:
    with pytest.raises(UserError) as error:
        check_coco(instances(), CocoUse('a.json', ('p', 'q'), test_mode=test_mode))
    assert "the file has 'cat', 'dog', metainfo.classes are 'p', 'q'" in str(error.value)


def test_nothing_left_to_train_on() -> None:
    content = instances()
    for image in content['images']:
        image.update(height=4)
    with pytest.raises(UserError, match='min_size=8 leave 0'):
        check_coco(content, USE)
    content = instances()
    for each in content['annotations']:
        each.update(area=0)
    with pytest.raises(UserError, match=r'nothing to train on.*3 with no area'):
        check_coco(content, USE)
    content['annotations'] = []
    with pytest.raises(UserError, match='0 of 3 images have an annotation'):
        check_coco(content, USE)
    # A test set may have no annotations, and images without any are kept where that is asked for.
    del content['annotations']
    assert len(check_coco(content, CocoUse('a.json', CLASSES, test_mode=True)).used_images) == 3
    content['annotations'] = []
    assert len(check_coco(content, CocoUse('a.json', CLASSES)).used_images) == 3


def test_labels_of_another_order() -> None:
    categories = instances()['categories']
    check_labels(categories, {1: 0, 5: 1}, USE)
    check_labels(categories, {1: 0}, CocoUse('a.json', ('cat',)))
    with pytest.raises(UserError, match=r"'cat' would get label 0, which in .* is 'dog'"):
        check_labels(categories, {1: 0, 5: 1}, CocoUse('a.json', ('dog', 'cat')))
    with pytest.raises(UserError, match=r"'dog' would get label 1, which in .* is 'none'"):
        check_labels(categories, {1: 0, 5: 1}, CocoUse('a.json', ('cat',)))


@pytest.mark.parametrize(
    'file',
    [
        'pennfudan/annotations/instances_train.json',
        'pennfudan/annotations/instances_val.json',
        'voc_sample/annotations/instances_voc_sample.json',
    ],
)
def test_real_files_pass(data_root: Path, file: str) -> None:
    path = data_root / file
    if not path.is_file():
        pytest.skip(f'no {path}')
    content = json.loads(path.read_text())
    classes = tuple(category['name'] for category in content['categories'])
    use = CocoUse(str(path), classes, masks=True, filter_empty=True, min_size=32)
    findings = check_coco(content, use)
    assert findings.skips() is None and findings.warnings() == []
    assert len(findings.used_images) == len(content['images'])


def test_a_twentieth_of_coco_takes_a_fraction_of_a_second() -> None:
    content = instances()
    one = content['annotations'][0] | dict(segmentation=[SQUARE * 6])
    content['annotations'] = [{**one, 'id': i, 'image_id': i % 3 + 1} for i in range(40_000)]
    start = time.process_time()
    check_coco(content, USE)
    assert time.process_time() - start < 2  # a tenth of that where nothing else runs
