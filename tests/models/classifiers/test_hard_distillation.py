"""The second classifier learns the labels of a teacher, which is in no checkpoint."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.structures import DataSample
from torch.nn import functional as F

from spikedense.errors import UserError
from spikedense.models.classifiers import HardDistillation

TEACHER = dict(
    type='ImageClassifier',
    backbone=dict(type='LeNet5'),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=3, in_channels=120),
)


def build(teacher_checkpoint: str | None = None, **head: Any) -> HardDistillation:
    """A student of a few channels with two classifiers."""
    arch = dict(embed_dims=(8, 8, 16), depths=(1, 1, 1, 1), num_heads=2)
    cfg = dict(
        type='spikedense.HardDistillation',
        backbone=dict(type='spikedense.SDTV3Large', arch=arch, out_indices=(3,)),
        head=dict(
            type='spikedense.SpikeClsHead',
            in_channels=16,
            num_classes=3,
            loss=dict(type='CrossEntropyLoss'),
            **dict(dict(distilled=True, neuron_at='second'), **head),
        ),
        teacher=TEACHER,
        teacher_checkpoint=teacher_checkpoint,
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(cfg)


@pytest.fixture
def teacher_file(tmp_path: Path) -> str:
    """The weights of a teacher, as a checkpoint of mmpretrain."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        teacher = MODELS.build(TEACHER)
    torch.save(dict(state_dict=teacher.state_dict()), tmp_path / 'teacher.pth')
    return str(tmp_path / 'teacher.pth')


def test_each_classifier_has_its_labels(teacher_file: str) -> None:
    model = build(teacher_file)
    images, samples = torch.randn(4, 1, 32, 32), [DataSample().set_gt_label(1) for _ in range(4)]
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        labels = model.teach(images)
    teacher = model.teacher()
    assert torch.equal(labels, teacher(images).argmax(1))
    assert not teacher.training and not any(p.requires_grad for p in teacher.parameters())
    assert not [key for key in model.state_dict() if 'teacher' in key]
    assert len(list(model.parameters())) == len(list(build().parameters()))
    images = images.expand(-1, 3, -1, -1)
    model.teach = lambda images: labels  # LeNet reads grey images
    loss = model.eval().loss(images, samples)['loss']
    first, second = model.head.logits(model.extract_feat(images))
    expected = F.cross_entropy(first, torch.ones(4, dtype=torch.long))
    torch.testing.assert_close(loss, (expected + F.cross_entropy(second, labels)) / 2)


def test_what_is_missing_is_named(teacher_file: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r'teacher_checkpoint=None, expected .*teacher_checkpoint='):
        build().init_weights()
    torch.save(dict(state_dict=dict(weight=torch.zeros(1))), tmp_path / 'other.pth')
    with DefaultScope.overwrite_default_scope('mmpretrain'), pytest.raises(UserError):
        build(str(tmp_path / 'other.pth')).init_weights()
    with pytest.raises(ValueError, match='expected a SpikeClsHead with distilled=True'):
        build(teacher_file, distilled=False, neuron_at='nowhere')
