"""Settings that no weight shows, of a model and of a checkpoint."""

import re
from typing import Any

import pytest
import torch
from mmengine.model import BaseDataPreprocessor, ImgDataPreprocessor
from torch import nn

from spikedense.neurons import LIF, NILIF, BaseNeuron, EvalClampedNILIF, ReLU
from spikedense.weights import keep_settings, other_settings, tell_sizes


class _Model(nn.Module):
    def __init__(
        self, neuron: nn.Module, T: int = 1, preprocessor: BaseDataPreprocessor | None = None
    ) -> None:
        super().__init__()
        self.neuron = neuron
        self.T = T
        self.data_preprocessor = preprocessor or _normalised([1.0, 2.0, 3.0])


def _normalised(mean: list[float]) -> ImgDataPreprocessor:
    return ImgDataPreprocessor(mean=mean, std=[1.0] * 3)


def _saved(model: nn.Module, **meta: Any) -> dict:
    keep_settings(model, meta)
    return {'meta': meta}


@pytest.mark.parametrize(
    ('now', 'said'),
    [
        (_Model(NILIF(D=2)), r'\(neuron\) are NILIF\(D=2, .*checkpoint NILIF\(D=4'),
        (_Model(NILIF(D=4, norm=1)), 'norm=1,'),
        (_Model(LIF()), r'are LIF\(tau=2.0'),
        (_Model(ReLU()), 'are ReLU'),
        (_Model(NILIF(D=4), T=4), r'\.T is 4, that of the checkpoint 1'),
        (_Model(NILIF(D=4), 1, _normalised([1.0, 2.0, 4.0])), r'data_preprocessor\.mean is \[1'),
    ],
)
def test_another_setting_is_told(now: _Model, said: str) -> None:
    (text,) = other_settings(now, _saved(_Model(NILIF(D=4))))
    assert re.search(said, text)


@pytest.mark.parametrize(
    'neuron',
    [NILIF(D=4), EvalClampedNILIF(eval_clamp=1, D=4), LIF(tau=3.0)],
    ids=lambda neuron: type(neuron).__name__,
)
def test_equal_settings_of_training_and_prediction(neuron: BaseNeuron) -> None:
    saved = _saved(_Model(neuron.train()))
    neuron.keep_state = True  # a way of use, not of training
    assert other_settings(_Model(neuron).eval(), saved) == []


def test_spiking_model_from_a_checkpoint_without_neurons() -> None:
    (text,) = other_settings(_Model(NILIF(D=4)), _saved(_Model(ReLU())))
    assert text == 'the model has 1 neurons, that of the checkpoint none'


def test_order_of_the_classes() -> None:
    model = _Model(NILIF(D=4))
    saved = _saved(model, dataset_meta=dict(classes=('sky', 'road')))
    assert other_settings(model, saved, ['sky', 'road']) == []
    assert other_settings(model, saved, ['road', 'sky']) == [
        "class 0 of the data is 'road', that of the checkpoint 'sky'"
    ]
    # Other names may mean the same classes.
    assert other_settings(model, saved, ['heaven', 'street']) == []
    assert other_settings(model, {'state_dict': {}}, ['road', 'sky']) == []


def test_settings_are_plain_values(tmp_path: Any) -> None:
    torch.save(_saved(_Model(LIF())), tmp_path / 'a.pth')
    assert torch.load(tmp_path / 'a.pth', weights_only=True)['meta']['settings']['steps']


class _Sized(nn.Module):
    """A layer that remembers the sizes of its training."""

    def __init__(self, *sizes: tuple[int, int]) -> None:
        super().__init__()
        self.layer = nn.Identity()
        self.layer.trained_sizes = sizes


def test_sizes_of_the_training_come_back_and_are_no_difference() -> None:
    saved = _saved(_Sized((4, 6), (8, 8)))
    now = _Sized()
    assert other_settings(now, saved) == []
    tell_sizes(now, saved)
    assert now.layer.trained_sizes == ((4, 6), (8, 8))


@pytest.mark.parametrize(
    'sizes', [None, 3, {'layer': 3}, {'layer': [3, (1,), (1, 'x')]}, {'other': [(1, 2)]}, {1: 2}]
)
def test_sizes_that_are_none_change_nothing(sizes: Any) -> None:
    now = _Sized()
    for meta in ({'settings': {'trained_sizes': sizes}}, {'settings': sizes}, sizes):
        tell_sizes(now, {'meta': meta})
        assert now.layer.trained_sizes == ()
