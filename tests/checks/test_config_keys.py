"""The check of the keys in a config file."""

import re
from typing import Any

import pytest
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from torch import nn

from spikedense.checks.config_keys import check_keys, check_metric_keys
from spikedense.checks.paramwise import check_custom_keys
from spikedense.errors import UserError


def _config(**changes: Any) -> Config:
    cfg = Config(
        dict(
            default_scope='mmengine',
            model=dict(type='EncoderDecoder'),
            train_cfg=dict(type='IterBasedTrainLoop', max_iters=10),
            default_hooks=dict(checkpoint=dict(type='CheckpointHook', interval=5)),
            optim_wrapper=dict(
                optimizer=dict(type='AdamW', lr=1e-3),
                paramwise_cfg=dict(custom_keys=dict(neck=dict(lr_mult=2.0))),
            ),
        )
    )
    cfg.merge_from_dict(changes)
    return cfg


@pytest.mark.parametrize(
    ('changes', 'said'),
    [
        (dict(laod_from='a.pth'), "'laod_from', which nothing reads; did you mean 'load_from'?"),
        (dict(default_hook=dict(timer=None)), "did you mean 'default_hooks'?"),
        (dict(param_schedulers=[]), "did you mean 'param_scheduler'?"),
        (dict(optim_wraper=dict()), "did you mean 'optim_wrapper'?"),
        (dict(default_hooks=dict(chekpoint=dict())), "did you mean 'checkpoint'?"),
        (
            dict(default_hooks=dict(checkpoint=dict(max_keep_ckpt=1))),
            "default_hooks.checkpoint has the key 'max_keep_ckpt', which nothing reads; did you "
            "mean 'max_keep_ckpts'?",
        ),
        (dict(optim_wrapper=dict(clip_grd=1)), "did you mean 'clip_grad'?"),
        (
            dict(optim_wrapper=dict(paramwise_cfg=dict(norm_decay_mul=0))),
            "did you mean 'norm_decay_mult'?",
        ),
        (
            dict(optim_wrapper=dict(paramwise_cfg=dict(custom_keys=dict(neck=dict(lr_mul=1))))),
            "custom_keys['neck'] has the key 'lr_mul'",
        ),
        (dict(randomness=dict(sed=1)), "randomness has the key 'sed'"),
        (dict(env_cfg=dict(cudnn_bench=True)), "did you mean 'cudnn_benchmark'?"),
        (dict(train_dataloader=dict(batchsize=1)), "did you mean 'batch_size'?"),
    ],
)
def test_misspelt_keys_are_refused(changes: dict, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        check_keys(_config(**changes))


@pytest.mark.parametrize(
    'variable',
    [
        dict(data_root='data'),
        dict(model_cfg=dict(x=1)),
        dict(val_evaluator_full=dict(type='X')),
        dict(train_pipeline=[dict(type='X')]),
        # What a config in pure Python imports.
        dict(OptimWrapper=OptimWrapper),
        # Similar to train_dataloader, but part of it.
        dict(train_dataloders=dict(a=1), train_dataloader=dict(dataset=[dict(a=1)])),
    ],
)
def test_variables_have_any_name(variable: dict) -> None:
    check_keys(_config(**variable))


def test_a_metric_that_ignores_unknown_keys() -> None:
    import mmseg.evaluation  # noqa: F401

    cfg = dict(type='mmseg.IoUMetric', iou_metrics=['mIoU'], further=1)
    check_metric_keys([cfg])
    with pytest.raises(UserError, match=r"IoUMetric has the key 'iou_metric'.*'iou_metrics'"):
        check_metric_keys([dict(type='mmseg.IoUMetric', iou_metric=['mIoU'])])


def test_names_of_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    model = nn.ModuleDict(dict(backbone=nn.Linear(1, 1), neck=nn.Linear(1, 1)))

    def check(key: str) -> None:
        check_custom_keys(model, dict(paramwise_cfg=dict(custom_keys={key: dict(lr_mult=0.1)})))

    check('backbone')
    check('neck.weight')
    with pytest.raises(UserError, match=r"custom_keys\['bakbone'\].*did you mean 'backbone'"):
        check('bakbone')
    # For parameters that only some variants have.
    said: list[str] = []
    monkeypatch.setattr(
        'spikedense.checks.paramwise.print_log', lambda text, **_: said.append(text)
    )
    check('position_bias_table')
    assert "no parameter has a name with 'position_bias_table'" in said[0]
