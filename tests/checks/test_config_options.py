"""The check of --cfg-options keys."""

import re
from typing import Any

import pytest
from mmengine.config import Config

from spikedense.checks.config_options import apply_options
from spikedense.errors import UserError


@pytest.fixture
def cfg() -> Config:
    return Config(
        dict(
            default_scope='mmseg',
            model=dict(
                type='EncoderDecoder',
                backbone=dict(type='spikedense.SDTV3', arch='5M'),
                decode_head=dict(type='FPNHead', feature_strides=[4], channels=8),
                test_cfg=dict(mode='whole'),
            ),
            train_cfg=dict(type='IterBasedTrainLoop', max_iters=10),
            train_dataloader=dict(batch_size=2, dataset=dict(pipeline=[dict(type='Resize')])),
            optim_wrapper=dict(
                optimizer=dict(type='AdamW', lr=1e-3), paramwise_cfg=dict(custom_keys=dict())
            ),
        )
    )


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        # There already.
        ('train_cfg.max_iters', 5),
        ('train_dataloader.dataset.pipeline.0.type', 'RandomFlip'),
        # Taken by the class, or by a parent to which it hands its arguments.
        ('model.backbone.with_cp', True),
        ('model.decode_head.dropout_ratio', 0.0),
        ('optim_wrapper.optimizer.weight_decay', 0.1),
        # Read by mmengine.
        ('load_from', 'a.pth'),
        ('randomness.seed', 3),
        ('train_dataloader.pin_memory', True),
        ('optim_wrapper.clip_grad.max_norm', 1.0),
        # Free by nature.
        ('optim_wrapper.paramwise_cfg.custom_keys.neck.lr_mult', 2.0),
        # Asked for.
        ('+model.test_cfg.anything', 1),
    ],
)
def test_known_keys_are_merged(cfg: Config, key: str, value: Any) -> None:
    apply_options(cfg, {key: value})
    node: Any = cfg
    for part in key.removeprefix('+').split('.'):
        node = node[int(part)] if part.isdigit() else node[part]
    assert node == value


@pytest.mark.parametrize(
    ('key', 'value', 'expected'),
    [
        ('0', dict(prob=1), dict(type='Resize', scale=(8, 8), prob=1)),
        ('0', dict(_delete_=True, type='Pad'), dict(type='Pad')),
        ('0.scale.1', 16, dict(type='Resize', scale=(8, 16))),
        ('0.scale', [1, 2], dict(type='Resize', scale=[1, 2])),
    ],
)
def test_elements_of_lists(cfg: Config, key: str, value: Any, expected: dict) -> None:
    pipeline = cfg.train_dataloader.dataset.pipeline
    pipeline[0].scale = (8, 8)
    pipeline.append(dict(type='RandomFlip'))
    apply_options(cfg, {f'+train_dataloader.dataset.pipeline.{key}': value})
    assert cfg.train_dataloader.dataset.pipeline == [expected, dict(type='RandomFlip')]


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({'a.1.0.x.2': 9}, dict(a=[1, (dict(x=[1, 2, 9]),)])),
        ({'a.0': 5, 'a.1.0.x': 6}, dict(a=[5, (dict(x=6),)])),
        ({'a.1.0': dict(y=1)}, dict(a=[1, (dict(x=[1, 2, 3], y=1),)])),
        ({'a.1.0': dict(_delete_=True, y=1)}, dict(a=[1, (dict(y=1),)])),
        ({'a': [dict(z=1)]}, dict(a=[dict(z=1)])),
        ({'b.c.d': 1}, dict(a=[1, (dict(x=[1, 2, 3]),)], b=dict(c=dict(d=1)))),
    ],
)
def test_any_depth(options: dict, expected: dict) -> None:
    cfg = Config(dict(a=[1, (dict(x=[1, 2, 3]),)]))
    apply_options(cfg, {f'+{key}': value for key, value in options.items()})
    assert cfg.to_dict() == expected


@pytest.mark.parametrize(
    ('key', 'said'),
    [
        ('+a.2', "'a.2': a is a list of 2, '2' is no index of it"),
        ('+a.1.0.x.-1', "a.1.0.x is a list of 3, '-1' is no index"),
        ('+a.0.b', "a.0 is 1, which has no key 'b'"),
    ],
)
def test_no_such_place(key: str, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        apply_options(Config(dict(a=[1, (dict(x=[1, 2, 3]),)])), {key: 7})


@pytest.mark.parametrize(
    ('key', 'said'),
    [
        ('data_root', 'expected train_dataloader.dataset.data_root'),
        ('train_pipeline.0.prob', 'expected train_dataloader.dataset.pipeline.0.prob'),
        ('num_classes', 'expected the key that takes its value'),
        ('data_preprocessor.mean', 'expected model.data_preprocessor.mean'),
    ],
)
def test_variables_of_the_file(cfg: Config, key: str, said: str) -> None:
    cfg.train_dataloader.dataset.data_root = cfg.data_root = 'data/x'
    cfg.train_pipeline = cfg.train_dataloader.dataset.pipeline
    cfg.num_classes = 3
    cfg.data_preprocessor = cfg.model.data_preprocessor = dict(mean=[1])
    with pytest.raises(
        UserError,
        match=re.escape(
            f'is a variable of the config file, read before options are merged; {said}'
        ),
    ):
        apply_options(cfg, {key: 1})


def test_an_element_that_is_no_dict(cfg: Config) -> None:
    cfg.model.decode_head.feature_strides = [4, 8]
    apply_options(cfg, {'model.decode_head.feature_strides.1': 16})
    assert cfg.model.decode_head.feature_strides == [4, 16]
    with pytest.raises(UserError, match='feature_strides is a list of 2'):
        apply_options(cfg, {'+model.decode_head.feature_strides.2': 16})


@pytest.mark.parametrize(
    ('key', 'expected'),
    [
        ('model.backbon.arch', "did you mean 'backbone'"),
        ('model.backbone.with_pc', "did you mean 'with_cp'"),
        ('model.decode_head.dropout_rate', "did you mean 'dropout_ratio'"),
        ('optim_wrapper.optimizer.weight_dekay', "did you mean 'weight_decay'"),
        ('train_dataloader.batchsize', "did you mean 'batch_size'"),
        ('randomnes.seed', "did you mean 'randomness'"),
        ('model.test_cfg.mod', "did you mean 'mode'"),
        ('train_dataloader.dataset.pipeline.1.type', 'is a list of 1'),
        ('train_dataloader.dataset.pipeline.first.type', 'is no index'),
        ('train_cfg.max_iters.more', 'is 10, which has no key'),
    ],
)
def test_unknown_keys_are_refused(cfg: Config, key: str, expected: str) -> None:
    before = cfg.to_dict()
    with pytest.raises(UserError) as error:
        apply_options(cfg, {key: 1})
    assert key in str(error.value)
    assert expected in str(error.value)
    assert cfg.to_dict() == before


@pytest.mark.parametrize(
    ('key', 'value', 'said'),
    [
        ('model', 3, "model=3, expected a dict or a list of them (a value inside is 'model.KEY="),
        ('train_cfg', 'abc', "train_cfg='abc', expected a dict"),
        ('optim_wrapper.optimizer', 3, 'optim_wrapper.optimizer=3, expected a dict'),
        ('train_dataloader.dataset.pipeline', 3, 'pipeline=3, expected a dict or a list'),
        ('model.decode_head.channels', 'abc', "='abc', expected a number, as 8 in the config"),
    ],
)
def test_values_of_another_kind(cfg: Config, key: str, value: Any, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        apply_options(cfg, {key: value})


@pytest.mark.parametrize(
    ('key', 'value'),
    [
        ('model.backbone', None),
        ('train_cfg', dict(max_iters=3)),
        ('model.decode_head', [dict(type='FPNHead'), dict(type='FCNHead')]),
        ('train_dataloader.dataset.pipeline', []),
        ('model.decode_head.channels', [8, 16]),
        ('model.test_cfg', 'free, for it has no type'),
        ('+model.decode_head.channels', 'auto'),
    ],
)
def test_values_of_a_kind_that_may_fit(cfg: Config, key: str, value: Any) -> None:
    apply_options(cfg, {key: value})
