"""Every data set config for mmdet on a tiny tree in the real layout, through all its pipelines."""

import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

pytest.importorskip('mmdet.models', reason="mmdet's models need mmcv's compiled ops")
from mmdet.datasets import CocoPanopticDataset
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.fileio import dump, load
from mmengine.registry import DATASETS, METRICS, MODELS, init_default_scope

from spikedense.datasets.demo_generator import ensure_demo

FOLDER = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets'
#: Things and stuff.
CLASSES = {
    'coco_panoptic_1024x1024': (80, 53),
    'coco_instance_1024x1024': (80, 0),
    'demo_panoptic': (6, 3),
}
NAMES = sorted(
    path.stem for path in FOLDER.glob('*.py') if 'panoptic' in path.stem or 'instance' in path.stem
)


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
        dataset = cfg[f'{split}_dataloader'].dataset
        if 'generator' in dataset:
            dataset.generator.update(size=(64, 96), num_train=3, num_val=2)
    init_default_scope('mmdet')
    return request.param, cfg


def dataset(cfg: Config, split: str) -> Any:
    return DATASETS.build(cfg[f'{split}_dataloader'].dataset)


def test_all_sets_are_known() -> None:
    assert set(NAMES) == set(CLASSES)


def test_train_batch(case: tuple[str, Config]) -> None:
    name, cfg = case
    things, stuff = CLASSES[name]
    data = dataset(cfg, 'train')
    assert len(data) == 3 and len(data.metainfo['classes']) == things + stuff
    preprocessor = MODELS.build(cfg.data_preprocessor)
    batch = preprocessor(pseudo_collate([data[i] for i in range(3)]), training=True)
    assert batch['inputs'].shape == (3, 3, *cfg.crop_size)
    found = [sample.gt_instances for sample in batch['data_samples']]
    assert sum(len(instances) for instances in found) > 0
    for instances, sample in zip(found, batch['data_samples'], strict=True):
        assert instances.masks.masks.shape == (len(instances), *cfg.crop_size)
        assert (instances.labels >= 0).all() and (instances.labels < things).all()
        if stuff:
            labels = sample.gt_sem_seg.sem_seg
            assert labels.shape == (1, *cfg.crop_size)
            known = labels[labels != 255]
            assert known.min() >= 0 and known.max() < things + stuff
            for mask, label in zip(instances.masks.masks, instances.labels, strict=True):
                inside = labels[0][torch.from_numpy(mask).bool()]
                assert (inside == label).all()


def test_the_truth_scores_100(case: tuple[str, Config]) -> None:
    name, cfg = case
    things, stuff = CLASSES[name]
    data = dataset(cfg, 'test')
    metrics = [METRICS.build(metric) for metric in cfg.test_evaluator]
    for item in data:
        sample = item['data_samples']
        truth = sample.gt_instances
        masks = truth.masks.to_tensor(torch.bool, 'cpu')
        found = dict(
            labels=truth.labels,
            scores=torch.ones(len(truth)),
            bboxes=truth.bboxes.tensor,
            masks=masks,
        )
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
    assert all(metric.ann_file.startswith('data/') for metric in cfg.test_evaluator)
