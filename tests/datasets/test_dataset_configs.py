"""Every data set config on a tiny tree in the real layout, through its whole pipelines."""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import DefaultScope
from mmseg.registry import DATASETS, METRICS, MODELS
from PIL import Image

#: Data sets for mmdet and mmpretrain.
OTHER_TASKS = re.compile(
    'panoptic|instance|detection|pennfudan|mmdet|imagenet|cifar|ucf101|patches|faces|mae|video'
)
FOLDER = Path(__file__).resolve().parents[2] / 'configs/_base_/datasets'
#: By the part of a config's name that says the set.
CLASSES = {
    'ade20k': 150,
    'cityscapes': 19,
    'voc2012': 21,
    'voc2012aug': 21,
    'coco-stuff10k': 171,
    'coco-stuff164k': 171,
    'camvid': 11,
    'demo': 9,
}
ZERO_IS_VOID = ('ade20k', 'coco-stuff10k')
#: Short side of a test image, 512 for the others.
TEST_SHORT_SIDE = {
    'cityscapes_512x1024': 1024,
    'cityscapes_512x1024_short-edge': 1024,
    'camvid_240x180': 180,
    'camvid_480x360': 360,
    'demo': 128,
}
#: `semantic_512x512` is what the others start from; those of other tasks have tests of their own.
NAMES = sorted(
    path.stem
    for path in FOLDER.glob('*.py')
    if path.stem != 'semantic_512x512' and not OTHER_TASKS.search(path.stem)
)


@dataclass
class Case:
    """A config with its data root in place."""

    name: str
    cfg: Config

    @property
    def data_set(self) -> str:
        """The name without sizes and variants."""
        return self.name.partition('_')[0]

    def dataset(self, split: str):
        """Build the data set of a split."""
        return DATASETS.build(self.cfg[f'{split}_dataloader'].dataset)


@pytest.fixture(params=NAMES)
def case(
    request: pytest.FixtureRequest,
    make_tree: Callable[[str, Path], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Case]:
    """Each config with a tiny data set that its environment variable points to."""
    root = tmp_path / 'my data'
    make_tree(request.param, root)
    monkeypatch.setenv('DATA_ROOT', str(root))
    monkeypatch.setenv('DEMO_ROOT', str(root / 'demo'))
    random.seed(0)
    np.random.seed(0)
    cfg = Config.fromfile(FOLDER / f'{request.param}.py')
    if request.param == 'demo':
        for split in ('train', 'val', 'test'):
            cfg[f'{split}_dataloader'].dataset.generator.update(num_train=3, num_val=2)
    with DefaultScope.overwrite_default_scope('mmseg'):
        yield Case(request.param, cfg)


def _expected_label(case: Case, sample) -> np.ndarray:
    """What the label file says, by the data set's own rule."""
    label = np.array(Image.open(sample.seg_map_path)).astype(np.int64)
    if case.data_set in ZERO_IS_VOID:
        return np.where(label == 0, 255, label - 1)
    return label


def test_all_sets_are_known() -> None:
    assert {name.partition('_')[0] for name in NAMES} == set(CLASSES)


def test_train_item(case: Case) -> None:
    dataset = case.dataset('train')
    assert len(dataset.metainfo['classes']) == CLASSES[case.data_set] == case.cfg.num_classes
    item = dataset[0]
    image, label = item['inputs'], item['data_samples'].gt_sem_seg.data
    crop = case.cfg.crop_size
    assert image.dtype == torch.uint8 and image.shape[0] == 3
    assert image.shape[1:] == label.shape[1:]
    assert image.shape[1] <= crop[0] and image.shape[2] <= crop[1]
    assert set(label.unique().tolist()) <= {*range(CLASSES[case.data_set]), 255}


def test_train_batch_is_padded_to_the_crop(case: Case) -> None:
    dataset = case.dataset('train')
    preprocessor = MODELS.build(case.cfg.data_preprocessor)
    items = [dataset[0], dataset[len(dataset) - 1]]
    batch = preprocessor(pseudo_collate(items), training=True)
    assert batch['inputs'].shape == (2, 3, *case.cfg.crop_size)
    for item, sample in zip(items, batch['data_samples'], strict=True):
        label = sample.gt_sem_seg.data[0]
        assert label.shape == case.cfg.crop_size
        height, width = item['inputs'].shape[1:]
        assert (label[height:] == 255).all() and (label[:, width:] == 255).all()


@pytest.mark.parametrize('split', ['val', 'test'])
def test_val_item_keeps_the_label_of_the_file(case: Case, split: str) -> None:
    dataset = case.dataset(split)
    assert len(dataset.metainfo['palette']) == CLASSES[case.data_set]
    item = dataset[0]
    sample = item['data_samples']
    label = sample.gt_sem_seg.data[0].numpy()
    assert np.array_equal(label, _expected_label(case, sample))
    assert (label == 255).any() and (label != 255).any()
    assert label[label != 255].max() < CLASSES[case.data_set]
    assert label.shape == sample.ori_shape
    assert min(item['inputs'].shape[1:]) == TEST_SHORT_SIDE.get(case.name, 512)


def test_splits_do_not_overlap(case: Case) -> None:
    paths = [
        {dataset.get_data_info(i)['img_path'] for i in range(len(dataset))}
        for dataset in (case.dataset('train'), case.dataset('val'))
    ]
    assert paths[0] and paths[1] and not paths[0] & paths[1]


def test_metric_of_a_perfect_prediction(case: Case) -> None:
    dataset = case.dataset('test')
    metric = METRICS.build(case.cfg.test_evaluator)
    metric.dataset_meta = dataset.metainfo
    label = dataset[0]['data_samples'].gt_sem_seg.data
    prediction = torch.where(label == 255, 0, label)
    metric.process({}, [dict(gt_sem_seg=dict(data=label), pred_sem_seg=dict(data=prediction))])
    assert metric.compute_metrics(metric.results)['mIoU'] == 100


def test_tta_pipeline(case: Case) -> None:
    info = case.dataset('test').get_data_info(0)
    augmented = Compose(case.cfg.tta_pipeline)(info)
    ratios = case.cfg.img_ratios
    assert len(augmented['inputs']) == 2 * len(ratios)
    widths = [image.shape[2] / info['ori_shape'][1] for image in augmented['inputs'][::2]]
    assert widths == pytest.approx(ratios, abs=0.02)
    flips = [sample.metainfo.get('flip') for sample in augmented['data_samples']]
    assert flips == [False, True] * len(ratios)


@pytest.mark.parametrize('name', ['camvid_240x180', 'camvid_480x360'])
def test_tta_stays_around_the_tested_size(name: str) -> None:
    cfg = Config.fromfile(FOLDER / f'{name}.py')
    width = next(step.scale[0] for step in cfg.test_pipeline if step.type == 'Resize')
    tested = width / 480
    assert tested in cfg.img_ratios
    assert all(0.5 <= ratio / tested <= 2 for ratio in cfg.img_ratios)


def test_workers_are_consistent(case: Case) -> None:
    for split in ('train', 'val', 'test'):
        loader = case.cfg[f'{split}_dataloader']
        assert loader.num_workers > 0 or not loader.persistent_workers


@pytest.mark.parametrize('name', NAMES)
def test_data_lie_under_data_by_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv('DATA_ROOT', raising=False)
    monkeypatch.delenv('DEMO_ROOT', raising=False)
    cfg = Config.fromfile(FOLDER / f'{name}.py')
    assert cfg.data_root.startswith('data/')
    assert cfg.test_dataloader.dataset.data_root == cfg.data_root


def test_data_root_reaches_an_inheriting_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv('DATA_ROOT', '/elsewhere')
    child = tmp_path / 'child.py'
    child.write_text(
        f"_base_ = '{FOLDER / 'camvid_480x360.py'}'\n"
        'train_dataloader = dict(batch_size=3)\n'
        'model = dict(data_preprocessor=_base_.data_preprocessor)\n'
    )
    cfg = Config.fromfile(child)
    assert cfg.train_dataloader.dataset.data_root == '/elsewhere/camvid'
    assert cfg.train_dataloader.batch_size == 3
    assert cfg.model.data_preprocessor.size == (360, 480)


def test_voc_aug_reads_both_sets(
    make_tree: Callable[[str, Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tree('voc2012aug_512x512', tmp_path)
    monkeypatch.setenv('DATA_ROOT', str(tmp_path))
    cfg = Config.fromfile(FOLDER / 'voc2012aug_512x512.py')
    with DefaultScope.overwrite_default_scope('mmseg'):
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
    folders = [Path(dataset.get_data_info(i)['seg_map_path']).parent.name for i in range(3)]
    assert folders == ['SegmentationClass', 'SegmentationClass', 'SegmentationClassAug']
