"""What a metric reads, against the data set that it judges."""

import copy
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.registry import DATASETS, METRICS, init_default_scope
from PIL import Image

from spikedense.checks.judged import check_judged
from spikedense.checks.judged_coco import Judged
from spikedense.datasets.demo_generator import ensure_demo
from spikedense.datasets.demo_scenes import CLASSES, THING_CLASSES
from spikedense.errors import UserError

SQUARE = [16, 16, 48, 16, 48, 48, 16, 48]


@pytest.fixture(autouse=True)
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    init_default_scope('mmdet')
    logger = MMLogger.get_instance('judged')
    logger.addHandler(caplog.handler)
    caplog.set_level(logging.INFO)
    return caplog


def squares(number: int = 4, first: int = 1) -> dict:
    """A file with a square of category 3 in each image."""
    ids = range(first, first + number)
    return dict(
        images=[dict(id=i, file_name=f'{i}.png', height=64, width=64) for i in ids],
        annotations=[
            dict(
                id=i,
                image_id=i,
                category_id=3,
                iscrowd=0,
                bbox=[16, 16, 32, 32],
                area=1024,
                segmentation=[SQUARE],
            )
            for i in ids
        ],
        categories=[dict(id=3, name='square')],
    )


def write(path: Path, content: dict) -> str:
    path.write_text(json.dumps(content))
    return str(path)


def judge(file: str, own: str | None, classes: tuple = ('square',), **options: Any) -> Judged:
    """A metric of OWN for the data set of FILE, checked."""
    data = dict(options.pop('data', {}))
    cfg = dict(type='CocoDataset', ann_file=file, test_mode=True, metainfo=dict(classes=classes))
    dataset = DATASETS.build({**cfg, 'data_prefix': dict(img=''), 'pipeline': [], **data})
    num_labels = options.pop('num_labels', len(classes))
    metric = METRICS.build(dict(type='CocoMetric', ann_file=own, **options))
    metric.dataset_meta = dataset.metainfo
    judged = Judged('test_evaluator', metric, own, dataset, num_labels)
    check_judged([judged], 64)
    return judged


def average_precision(judged: Judged, extra_label: int | None = None) -> float:
    """The AP of the truth, maybe with one more box of a label in each image."""
    labels = [0] + ([] if extra_label is None else [extra_label])
    for i in range(len(judged.dataset)):
        found = dict(
            bboxes=torch.tensor([[16.0, 16, 48, 48]] * len(labels)),
            scores=torch.ones(len(labels)),
            labels=torch.tensor(labels),
        )
        number = judged.dataset.get_data_info(i)['img_id']
        judged.metric.process({}, [dict(img_id=number, ori_shape=(64, 64), pred_instances=found)])
    return judged.metric.evaluate(len(judged.dataset))['coco/bbox_mAP']


REPAIRED: dict[str, Callable[[dict], Any]] = {
    'good': lambda annotation: None,
    'no iscrowd': lambda annotation: annotation.pop('iscrowd'),
    'iscrowd of null': lambda annotation: annotation.update(iscrowd=None),
    'ids from 0': lambda annotation: annotation.update(id=annotation['id'] - 1),
    'ids of text': lambda annotation: annotation.update(id=f'square {annotation["id"]}'),
}


@pytest.mark.parametrize('edit', REPAIRED.values(), ids=REPAIRED)
def test_repaired_in_memory(tmp_path: Path, edit: Callable[[dict], Any]) -> None:
    content = squares()
    for annotation in content['annotations']:
        edit(annotation)
    file = write(tmp_path / 'a.json', content)
    before = Path(file).read_bytes()
    assert average_precision(judge(file, file)) == 1.0
    assert Path(file).read_bytes() == before


def test_another_file(tmp_path: Path) -> None:
    file = write(tmp_path / 'a.json', squares())
    other = write(tmp_path / 'b.json', squares(first=101))
    with pytest.raises(UserError, match=r"ann_file='.*b\.json' lacks 4 of the 4 images .*a\.json"):
        judge(file, other)


def test_copy_of_the_file(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    files = [write(tmp_path / name, squares()) for name in ('a.json', 'b.json')]
    assert average_precision(judge(*files)) == 1.0
    assert not said.records or 'another file' not in said.text


@pytest.mark.parametrize(
    ('edit', 'message'),
    [
        (lambda c: c['images'].pop(), 'lacks 1 of the 4 images'),
        (lambda c: c['images'][0].update(file_name='x.png'), "names image 1 'x.png', the data set"),
        (lambda c: c['annotations'][0].update(bbox=[1, 1, 9, 9]), 'has other boxes of .*1.png'),
        (lambda c: c['categories'][0].update(name='ring'), 'none of the categories of .*b.json'),
        (lambda c: c['annotations'][0].pop('area'), "b.json'.*: it has no 'area'"),
        (lambda c: c.pop('annotations'), 'b.json.* has no annotations, .*format_only=True'),
        (
            lambda c: c['images'].append(dict(id=9, file_name='9.png', height=64, width=64)),
            '1 of 5 images of .*b.json.* are not in the data set',
        ),
    ],
)
def test_file_of_other_images(tmp_path: Path, edit: Callable[[dict], Any], message: str) -> None:
    content = squares()
    edit(content)
    if len(content['images']) < 4:
        content['annotations'].pop()
    files = write(tmp_path / 'a.json', squares()), write(tmp_path / 'b.json', content)
    with pytest.raises(UserError, match=message):
        judge(*files)


def test_part_of_the_images(tmp_path: Path, said: pytest.LogCaptureFixture) -> None:
    file = write(tmp_path / 'a.json', squares())
    assert average_precision(judge(file, file, data=dict(indices=2))) == 1.0
    assert '2 of 4 images of test_evaluator.ann_file=' in said.text


def test_labels_without_a_category(tmp_path: Path) -> None:
    file = write(tmp_path / 'a.json', squares())
    # Of a class that the file lacks, and of a head with more classes than the data set.
    judged = judge(file, file, ('square', 'ring'), num_labels=4, classwise=True)
    assert average_precision(judged, extra_label=3) == 1.0


def test_masks_of_the_metric(tmp_path: Path) -> None:
    content = squares()
    del content['annotations'][1]['segmentation']
    file = write(tmp_path / 'a.json', content)
    judge(file, file)
    message = "annotation 2 of '2.png': it has no 'segmentation', which the metric reads"
    with pytest.raises(UserError, match=message):
        judge(file, file, metric=['bbox', 'segm'])


def test_no_labels_needed(tmp_path: Path) -> None:
    content = squares()
    del content['annotations']
    file = write(tmp_path / 'a.json', content)
    judge(file, file, format_only=True, outfile_prefix=str(tmp_path / 'x'))


def test_metric_without_a_file(tmp_path: Path) -> None:
    file = write(tmp_path / 'a.json', squares())
    steps = [dict(type='PackDetInputs', meta_keys=('img_id',))]
    with pytest.raises(UserError, match=r"no ann_file, .* CocoDataset .*expected .*'instances'"):
        judge(file, None, data=dict(pipeline=steps))
    steps = [dict(type='PackDetInputs', meta_keys=('img_id', 'instances'))]
    judge(file, None, data=dict(pipeline=steps))


@pytest.fixture(scope='module')
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('data') / 'demo'
    ensure_demo(root, size=(64, 64), num_train=3, num_val=3)
    return root


def panoptic(root: Path, split: str = 'val', pngs: str | None = None) -> None:
    """Judge the panoptic demo set by the file of a split."""
    dataset = DATASETS.build(
        dict(
            type='CocoPanopticDataset',
            data_root=str(root),
            ann_file='annotations/panoptic_val.json',
            data_prefix=dict(img='images/val/', seg='annotations/panoptic_val/'),
            metainfo=dict(classes=CLASSES, thing_classes=THING_CLASSES, stuff_classes=CLASSES[6:]),
            test_mode=True,
            pipeline=[],
        )
    )
    file = str(root / f'annotations/panoptic_{split}.json')
    folder = pngs or str(root / f'annotations/panoptic_{split}')
    metric = METRICS.build(dict(type='spikedense.PanopticMetric', ann_file=file, seg_prefix=folder))
    metric.dataset_meta = dataset.metainfo
    check_judged([Judged('val_evaluator', metric, file, dataset)], None)


def test_panoptic(demo: Path) -> None:
    panoptic(demo)
    with pytest.raises(UserError, match=r"3 of 3 PNGs of .* val_evaluator.seg_prefix='.*train'"):
        panoptic(demo, pngs=str(demo / 'annotations/panoptic_train'))
    with pytest.raises(UserError, match=r"panoptic_train.json' (names image|has no annotation)"):
        panoptic(demo, 'train')


def test_panoptic_png_of_other_segments(demo: Path, tmp_path: Path) -> None:
    folder = tmp_path / 'pngs'
    folder.mkdir(parents=True)
    for i, png in enumerate(sorted((demo / 'annotations/panoptic_val').glob('*.png'))):
        made = Image.open(png) if i else Image.new('RGB', (64, 64), (200, 0, 0))
        made.save(folder / png.name)
    with pytest.raises(UserError, match=r'segments .200. have pixels and no class'):
        panoptic(demo, pngs=str(folder))


def segmentation(root: Path, load: bool = True, **options: Any) -> Any:
    init_default_scope('mmseg')
    (root / 'img').mkdir(exist_ok=True)
    for name in 'ab':
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(root / f'img/{name}.jpg')
    steps = [dict(type='LoadImageFromFile'), dict(type='LoadAnnotations')]
    cfg = dict(
        type='BaseSegDataset',
        data_root=str(root),
        data_prefix=dict(img_path='img', seg_map_path='ann'),
        metainfo=dict(classes=('x', 'y')),
        pipeline=[*steps[: 1 + load], dict(type='PackSegInputs')],
    )
    return DATASETS.build({**cfg, **options})


def iou(dataset: Any, **options: Any) -> list[Judged]:
    metric = METRICS.build(dict(type='IoUMetric', **options))
    return [Judged('test_evaluator', metric, None, dataset)]


@pytest.mark.parametrize(
    ('options', 'fault'),
    [
        (dict(load=False), 'the pipeline of BaseSegDataset has no LoadAnnotations'),
        (dict(data_prefix=dict(img_path='img')), 'has no data_prefix.seg_map_path'),
        (dict(), 'none of the 2 label maps of BaseSegDataset exists'),
    ],
)
def test_segmentation_without_labels(tmp_path: Path, options: dict, fault: str) -> None:
    data = segmentation(tmp_path, **options)
    with pytest.raises(UserError, match=f'{fault}.*test_evaluator.format_only=True'):
        check_judged(iou(data), 64)
    steps = copy.copy(data.pipeline.transforms)
    check_judged(iou(data, format_only=True, output_dir=str(tmp_path / 'out')), 64)
    # What cannot be read is not read.
    assert 'gt_sem_seg' not in data[0]['data_samples']
    assert len(data.pipeline.transforms) == len(steps) - options.get('load', True)


def test_files_that_go_nowhere(tmp_path: Path) -> None:
    data = segmentation(tmp_path, load=False)
    with pytest.raises(UserError, match=r'format_only=True without test_evaluator.output_dir'):
        check_judged(iou(data, format_only=True), 64)


def test_classification_without_labels(tmp_path: Path) -> None:
    init_default_scope('mmpretrain')
    Image.new('RGB', (8, 8)).save(tmp_path / 'a.jpg')
    cfg = dict(type='CustomDataset', data_prefix=str(tmp_path), with_label=False, pipeline=[])
    data = DATASETS.build(cfg)
    metric = METRICS.build(dict(type='Accuracy'))
    with pytest.raises(UserError, match=r'compares .* CustomDataset has no labels'):
        check_judged([Judged('test_evaluator', metric, None, data)], 64)
