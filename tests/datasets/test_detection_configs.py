"""Every data set config for mmdet on a tiny tree in the real layout, through all its pipelines."""

import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mmdet.datasets import CityscapesDataset, CocoPanopticDataset
from mmengine.config import Config, ConfigDict
from mmengine.dataset import pseudo_collate
from mmengine.fileio import dump, load
from mmengine.registry import DATASETS, METRICS, MODELS, init_default_scope

from spikedense.datasets.demo_generator import ensure_demo

FOLDER = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets'
#: Things and stuff.
CLASSES = {
    'cityscapes_detection_2048x1024': (8, 0),
    'coco_detection_1333x800': (80, 0),
    'cityscapes_instance_2048x1024': (8, 0),
    'coco_instance_1024x1024': (80, 0),
    'coco_instance_1333x800': (80, 0),
    'coco_panoptic_1024x1024': (80, 53),
    'demo_instance': (6, 0),
    'demo_panoptic': (6, 3),
    'pennfudan_256x192': (1, 0),
    'pennfudan_640x480': (1, 0),
}
KINDS = ('panoptic', 'instance', 'detection', 'pennfudan')
#: What the sets share is no set.
NAMES = sorted(
    path.stem
    for path in FOLDER.glob('*.py')
    if any(kind in path.stem for kind in KINDS) and not path.stem.startswith('instance_')
)


def make_instances(demo: Path, root: Path, classes: tuple[str, ...]) -> None:
    """The demo set's instances as a set of other classes, its shapes given one after the other."""
    for split in ('train', 'val'):
        content = load(demo / f'annotations/instances_{split}.json')
        content['categories'] = [dict(id=i + 1, name=name) for i, name in enumerate(classes)]
        for annotation in content['annotations']:
            annotation['category_id'] = (annotation['category_id'] - 1) % len(classes) + 1
        if root.name == 'pennfudan':
            folder, file = root / 'images', f'instances_{split}.json'
        else:
            folder = root / f'leftImg8bit/{split}'
            file = f'instancesonly_filtered_gtFine_{split}.json'
        for image in content['images']:
            image['file_name'] = f'{split}_{image["file_name"]}'
            source = demo / f'images/{split}' / image['file_name'].removeprefix(f'{split}_')
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, folder / image['file_name'])
        (root / 'annotations').mkdir(exist_ok=True)
        dump(content, root / 'annotations' / file)


def make_coco(demo: Path, root: Path) -> None:
    """The demo set as COCO: its files' names and categories, whose ids have gaps."""
    classes = CocoPanopticDataset.METAINFO['classes']
    things = set(CocoPanopticDataset.METAINFO['thing_classes'])
    categories = [
        dict(id=2 * i + 1, name=name, isthing=int(name in things)) for i, name in enumerate(classes)
    ]
    ids = {i + 1: categories[i if i < 6 else 74 + i]['id'] for i in range(9)}
    for split in ('train', 'val'):
        shutil.copytree(demo / f'images/{split}', root / f'{split}2017')
        masks = f'annotations/panoptic_{split}'
        shutil.copytree(demo / masks, root / f'{masks}2017')
        for kind in ('panoptic', 'instances'):
            content = load(demo / f'annotations/{kind}_{split}.json')
            for annotation in content['annotations']:
                for part in annotation.get('segments_info', [annotation]):
                    part['category_id'] = ids[part['category_id']]
            content['categories'] = [c for c in categories if c['isthing'] or kind == 'panoptic']
            dump(content, root / f'annotations/{kind}_{split}2017.json')


@pytest.fixture(scope='module')
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('my data')
    ensure_demo(root / 'demo', size=(64, 96), num_train=3, num_val=2)
    make_coco(root / 'demo', root / 'coco')
    make_instances(root / 'demo', root / 'pennfudan', ('person',))
    make_instances(root / 'demo', root / 'cityscapes', CityscapesDataset.METAINFO['classes'])
    return root


@pytest.fixture(params=NAMES)
def case(
    request: pytest.FixtureRequest, data_root: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, Config]:
    monkeypatch.setenv('DATA_ROOT', str(data_root))
    monkeypatch.setenv('DEMO_ROOT', str(data_root / 'demo'))
    random.seed(0)
    np.random.seed(0)
    cfg = Config.fromfile(FOLDER / f'{request.param}.py')
    for split in ('train', 'val', 'test'):
        dataset = innermost(cfg[f'{split}_dataloader'].dataset)
        if 'generator' in dataset:
            dataset.generator.update(size=(64, 96), num_train=3, num_val=2)
    init_default_scope('mmdet')
    return request.param, cfg


def innermost(dataset: ConfigDict) -> ConfigDict:
    """A data set without those around it, which repeat it."""
    return innermost(dataset.dataset) if 'dataset' in dataset else dataset


def evaluators(cfg: Config) -> list[ConfigDict]:
    """The metrics, one or a list of them in the config."""
    found = cfg.test_evaluator
    return found if isinstance(found, list) else [found]


def dataset(cfg: Config, split: str) -> Any:
    return DATASETS.build(cfg[f'{split}_dataloader'].dataset)


def test_all_sets_are_known() -> None:
    assert set(NAMES) == set(CLASSES)


def test_train_batch(case: tuple[str, Config]) -> None:
    name, cfg = case
    things, stuff = CLASSES[name]
    if not name.startswith('coco_'):  # the models start from COCO's classes
        said = cfg.get('num_classes') or cfg.num_things
        assert (said, cfg.get('num_stuff', 0)) == (things, stuff)
    data = dataset(cfg, 'train')
    repeats = cfg.train_dataloader.dataset.get('times', 1)
    assert len(data) == 3 * repeats and len(data.metainfo['classes']) == things + stuff
    preprocessor = MODELS.build(cfg.data_preprocessor)
    batch = preprocessor(pseudo_collate([data[i] for i in range(3)]), training=True)
    size = batch['inputs'].shape[2:]
    if 'crop_size' in cfg:
        assert size == cfg.crop_size
    else:  # padded to the largest of the batch
        assert all(side % 32 == 0 for side in size)
    found = [sample.gt_instances for sample in batch['data_samples']]
    assert sum(len(instances) for instances in found) > 0
    for instances, sample in zip(found, batch['data_samples'], strict=True):
        assert ('masks' in instances) is ('detection' not in name)
        if 'masks' in instances:
            assert instances.masks.masks.shape == (len(instances), *size)
        assert (instances.labels >= 0).all() and (instances.labels < things).all()
        if stuff:
            labels = sample.gt_sem_seg.sem_seg
            assert labels.shape == (1, *size)
            known = labels[labels != 255]
            assert known.min() >= 0 and known.max() < things + stuff
            for mask, label in zip(instances.masks.masks, instances.labels, strict=True):
                inside = labels[0][torch.from_numpy(mask).bool()]
                assert (inside == label).all()


def test_the_truth_scores_100(case: tuple[str, Config]) -> None:
    name, cfg = case
    things, stuff = CLASSES[name]
    data = dataset(cfg, 'test')
    metrics = [METRICS.build(metric) for metric in evaluators(cfg)]
    for item in data:
        sample = item['data_samples']
        truth = sample.gt_instances
        masks = truth.masks.to_tensor(torch.bool, 'cpu') if 'masks' in truth else []
        found = dict(
            labels=truth.labels,
            scores=torch.ones(len(truth)),
            bboxes=truth.bboxes.tensor,
        )
        if 'masks' in truth:
            found['masks'] = masks
        result = dict(**sample.metainfo, pred_instances=found)
        if stuff:
            segments = sample.gt_sem_seg.sem_seg.clone().long()
            segments[segments == 255] = things + stuff
            for number, mask in enumerate(masks, start=1):
                segments[0, mask] += 1000 * number
            assert segments.shape[1:] == sample.ori_shape
            result['pred_panoptic_seg'] = dict(sem_seg=segments)
        for metric in metrics:
            metric.dataset_meta = data.metainfo
            metric.process({}, [result])
    scores = {k: v for metric in metrics for k, v in metric.evaluate(len(data)).items()}
    assert scores['coco/bbox_mAP'] == pytest.approx(1, abs=2e-3)
    assert ('coco/segm_mAP' in scores) is ('detection' not in name)
    if 'coco/segm_mAP' in scores:
        assert scores['coco/segm_mAP'] == pytest.approx(1, abs=2e-3)
    if stuff:
        assert scores['coco_panoptic/PQ'] == pytest.approx(100)


@pytest.mark.parametrize('name', NAMES)
def test_data_lie_under_data_by_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('DATA_ROOT', raising=False)
    monkeypatch.delenv('DEMO_ROOT', raising=False)
    cfg = Config.fromfile(FOLDER / f'{name}.py')
    assert cfg.data_root.startswith('data/')
    assert cfg.test_dataloader.dataset.data_root == cfg.data_root
    assert all(metric.ann_file.startswith('data/') for metric in evaluators(cfg))
