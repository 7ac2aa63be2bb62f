"""Values of another kind than the one that their class reads."""

import re
from typing import Any

import pytest
from mmengine.config import Config
from mmseg.models import EncoderDecoder

from spikedense.checks.config_merge import put
from spikedense.checks.config_values import check_values
from spikedense.errors import UserError
from spikedense.neurons import NILIF


@pytest.fixture
def cfg() -> Config:
    return Config(
        dict(
            default_scope='mmseg',
            work_dir='runs/a',
            model=dict(
                type=EncoderDecoder,
                backbone=dict(type='spikedense.SDTV3', neuron_cfg=dict(type=NILIF, D=4)),
                decode_head=dict(type='FCNHead', num_classes=3),
            ),
            train_cfg=dict(type='IterBasedTrainLoop', max_iters=10),
            train_dataloader=dict(
                batch_size=2,
                dataset=dict(type='BaseSegDataset', pipeline=[dict(type='Resize', scale=(8, 8))]),
            ),
            default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=5)),
            upsample_cfg=dict(type=None),
        )
    )


def test_values_that_fit(cfg: Config) -> None:
    check_values(cfg)


@pytest.mark.parametrize(
    ('key', 'value', 'expected'),
    [
        ('train_cfg.max_iters', '100', 'a number'),
        ('work_dir', 5, 'a string'),
        ('model.type', 7, 'the name of a class'),
        ('model.backbone.neuron_cfg.type', ['NILIF'], 'the name of a class'),
        ('model.backbone.neuron_cfg.D', '4', 'a number'),
        ('model.backbone.with_cp', 'False', 'True or False'),
        ('model.backbone', 3, 'a dict'),
        ('train_dataloader.batch_size', '2', 'a number'),
        ('train_dataloader.dataset.data_root', 5, 'a string'),
        ('train_dataloader.dataset.pipeline.0.keep_ratio', 'no', 'True or False'),
        ('default_hooks.checkpoint.by_epoch', 'False', 'True or False'),
        ('train_cfg', 'iters', 'a dict'),
        ('train_dataloader', 5, 'a dict'),
        ('param_scheduler', 'poly', 'a dict or a list of them'),
        ('custom_hooks', ['EMAHook'], 'a list of dicts'),
        ('custom_hooks', dict(type='EMAHook'), 'a list of dicts'),
        ('train_dataloader.dataset.pipeline', ['Resize'], 'a list of dicts'),
        ('model.decode_head.num_classes', '3', 'a number without quotes'),
    ],
)
def test_values_of_another_kind(cfg: Config, key: str, value: Any, expected: str) -> None:
    put(cfg, key, value)
    with pytest.raises(UserError, match=re.escape(f'{key}={value!r}, expected {expected}')):
        check_values(cfg)
