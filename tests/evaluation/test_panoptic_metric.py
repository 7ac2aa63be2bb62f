"""The panoptic metric and data set of mmdet on the demo set."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.fileio import dump, load
from mmengine.registry import DATASETS, METRICS, init_default_scope

GENERATOR = dict(num_train=2, num_val=4, size=(64, 64))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    init_default_scope('mmdet')
    demo(tmp_path / 'demo')
    return tmp_path / 'demo'


def demo(root: Path, type: str = 'spikedense.DemoPanopticDataset', **kwargs: Any) -> Any:
    options = dict(
        ann_file='annotations/panoptic_val.json',
        data_prefix=dict(img='images/val/', seg='annotations/panoptic_val/'),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='spikedense.LoadPanopticAnnotations'),
            dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape')),
        ],
        test_mode=True,
    )
    return DATASETS.build(
        dict(type=type, data_root=str(root), generator=GENERATOR, **{**options, **kwargs})
    )


def metric(root: Path, **kwargs: Any) -> Any:
    options = dict(
        ann_file=str(root / 'annotations/panoptic_val.json'),
        seg_prefix=str(root / 'annotations/panoptic_val'),
    )
    return METRICS.build(dict(type='spikedense.PanopticMetric', **{**options, **kwargs}))


def perfect(sample: Any, num_classes: int = 9) -> dict[str, Any]:
    """The panoptic map that mmdet's fusion head would make from the truth."""
    classes = sample.gt_sem_seg.sem_seg.clone().long()
    classes[classes == 255] = num_classes
    for number, mask in enumerate(sample.gt_instances.masks.to_tensor(torch.bool, 'cpu'), start=1):
        classes[0, mask] += 1000 * number
    return dict(img_id=sample.img_id, pred_panoptic_seg=dict(sem_seg=classes))


def evaluate(root: Path, samples: list[dict[str, Any]], **kwargs: Any) -> dict[str, float]:
    judge = metric(root, **kwargs)
    judge.dataset_meta = demo(root).metainfo
    judge.process({}, samples)
    return judge.evaluate(len(samples))


def test_the_truth_scores_100(root: Path) -> None:
    samples = [perfect(item['data_samples']) for item in demo(root)]
    found = evaluate(root, samples, classwise=True)
    assert len(found) == 9
    assert found == {key: pytest.approx(100) for key in found}


def test_merged_instances_cost_things_only(root: Path) -> None:
    samples = [perfect(item['data_samples']) for item in demo(root)]
    for sample in samples:
        labels = sample['pred_panoptic_seg']['sem_seg']
        labels[labels >= 1000] = labels[labels >= 1000] % 1000 + 1000
    found = evaluate(root, samples)
    assert found['coco_panoptic/PQ_st'] == pytest.approx(100)
    assert 0 < found['coco_panoptic/PQ_th'] < 100


def test_nothing_predicted_scores_0(root: Path) -> None:
    samples = [perfect(item['data_samples']) for item in demo(root)]
    for sample in samples:
        sample['pred_panoptic_seg']['sem_seg'][:] = 9
    assert evaluate(root, samples)['coco_panoptic/PQ'] == 0


def test_labels_of_the_loader_are_those_of_the_semantic_set(root: Path) -> None:
    semantic = DATASETS.build(
        dict(
            type='spikedense.DemoDataset',
            data_root=str(root),
            generator=GENERATOR,
            data_prefix=dict(img_path='images/val', seg_map_path='annotations/val'),
            pipeline=[
                dict(type='mmseg.LoadAnnotations'),
                dict(type='mmseg.PackSegInputs', meta_keys=()),
            ],
            test_mode=True,
        )
    )
    for item, expected in zip(demo(root), semantic, strict=True):
        sample = item['data_samples']
        assert torch.equal(sample.gt_sem_seg.sem_seg, expected['data_samples'].gt_sem_seg.data)
        things = sample.gt_sem_seg.sem_seg[0] < 6
        masks = sample.gt_instances.masks.to_tensor(torch.bool, 'cpu')
        assert torch.equal(masks.any(0), things)
        for mask, label in zip(masks, sample.gt_instances.labels, strict=True):
            assert sample.gt_sem_seg.sem_seg[0][mask].unique().tolist() == [label]


def test_instances_of_both_data_sets_are_the_same(root: Path) -> None:
    instances = demo(
        root,
        'spikedense.DemoInstanceDataset',
        ann_file='annotations/instances_val.json',
        data_prefix=dict(img='images/val/'),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
            dict(type='PackDetInputs', meta_keys=()),
        ],
    )
    for one, other in zip(demo(root), instances, strict=True):
        one, other = one['data_samples'].gt_instances, other['data_samples'].gt_instances
        assert torch.equal(one.labels, other.labels)
        assert torch.equal(one.bboxes.tensor, other.bboxes.tensor)
        assert (one.masks.masks == other.masks.masks).all()


def test_errors_name_file_and_image(root: Path, tmp_path: Path) -> None:
    samples = [perfect(item['data_samples']) for item in demo(root)]
    with pytest.raises(ValueError, match=r"instances_val.json'.*segments_info"):
        metric(root, ann_file=str(root / 'annotations/instances_val.json'))
    with pytest.raises(ValueError, match='no annotation of image 77'):
        evaluate(root, [{**samples[0], 'img_id': 77}])
    small = dict(sem_seg=samples[0]['pred_panoptic_seg']['sem_seg'][:, :32])
    with pytest.raises(ValueError, match=rf'image {samples[0]["img_id"]} .*\(32, 64\)'):
        evaluate(root, [{**samples[0], 'pred_panoptic_seg': small}])

    content = load(root / 'annotations/panoptic_val.json')
    content['categories'][0]['name'] = 'gear'
    dump(content, tmp_path / 'renamed.json')
    with pytest.raises(ValueError, match=r"renamed.json.*'gear'.*9 classes"):
        evaluate(root, samples, ann_file=str(tmp_path / 'renamed.json'))
    content = load(root / 'annotations/panoptic_val.json')
    del content['annotations'][0]['segments_info'][0]
    dump(content, tmp_path / 'lost.json')
    with pytest.raises(ValueError, match=r'val_00000.png and lost.json: segments'):
        evaluate(root, samples[:1], ann_file=str(tmp_path / 'lost.json'))
