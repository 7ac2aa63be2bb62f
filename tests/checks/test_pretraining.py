"""Which backbones learn slowly, and which have weights from a file."""

from typing import Any

import pytest
import torch
from mmengine.model import BaseModule
from mmengine.optim import OptimWrapper, build_optim_wrapper
from torch import nn

from spikedense.checks.pretraining import is_pretrained, reduced_rate

PRETRAINED = dict(type='Pretrained', checkpoint='a.pth')


class _Model(BaseModule):
    def __init__(self, init_cfg: Any = None, inner: Any = None, whole: Any = None) -> None:
        super().__init__(whole)
        self.backbone = BaseModule(init_cfg)
        self.backbone.stages = BaseModule(inner)
        self.backbone.stages.big = nn.Linear(20, 20)
        self.backbone.norm = nn.BatchNorm1d(2)
        self.head = nn.Linear(2, 2)


def rates(model: nn.Module, **custom_keys: Any) -> tuple[float, float] | None:
    cfg = dict(
        optimizer=dict(type='SGD', lr=0.1, weight_decay=0.1),
        paramwise_cfg=dict(custom_keys=custom_keys),
    )
    return reduced_rate(model, build_optim_wrapper(model, cfg))


@pytest.mark.parametrize(
    ('custom_keys', 'slow'),
    [
        ({'backbone': dict(lr_mult=0.1)}, True),
        ({'backbone.stages': dict(lr_mult=0.1)}, True),
        ({'stages.big': dict(lr_mult=0.1)}, True),
        ({'backbone': dict(lr_mult=0.1), 'backbone.stages': dict(lr_mult=1.0)}, False),
        ({'backbone': dict(lr_mult=1.0, decay_mult=0.0)}, False),
        ({'backbone.norm': dict(lr_mult=0.1)}, False),
        ({'head': dict(lr_mult=0.1)}, False),
        ({'head': dict(lr_mult=2.0)}, False),
        ({}, False),
    ],
)
def test_the_rate_of_most_weights_counts(custom_keys: dict, slow: bool) -> None:
    found = rates(_Model(), **custom_keys)
    assert found == (pytest.approx((0.01, 0.1)) if slow else None)


def test_a_decay_over_the_layers_is_a_reduced_rate() -> None:
    """A constructor that makes its own groups, without any ``paramwise_cfg``."""
    model = _Model()
    groups = [
        dict(params=list(model.backbone.parameters()), lr=0.05),
        dict(params=list(model.head.parameters())),
    ]
    optimizer = torch.optim.SGD(groups, lr=0.1)
    assert reduced_rate(model, OptimWrapper(optimizer)) == (0.05, 0.1)


def test_without_a_backbone_or_with_a_frozen_one() -> None:
    assert rates(nn.Sequential(nn.Linear(2, 2)), **{'0': dict(lr_mult=0.1)}) is None
    model = _Model()
    model.backbone.requires_grad_(False)
    assert rates(model, backbone=dict(lr_mult=0.1)) is None


@pytest.mark.parametrize('where', ['init_cfg', 'inner', 'whole'])
@pytest.mark.parametrize(
    ('value', 'expected'),
    [
        (PRETRAINED, True),
        ([dict(type='Constant', layer='Conv2d', val=0.0), PRETRAINED], True),
        (dict(type='Kaiming', layer='Conv2d'), False),
        (None, False),
    ],
)
def test_weights_of_a_file(where: str, value: Any, expected: bool) -> None:
    assert is_pretrained(_Model(**{where: value})) is expected
