"""Models inside wrappers."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from mmengine.model import BaseModel, BaseTTAModel, ExponentialMovingAverage
from torch import nn

from spikedense.utils.unwrap import replace_inner, unwrap


class Model(BaseModel):
    def forward(self, inputs: Any, data_samples: Any = None, mode: str = 'tensor') -> Any:
        """Give the inputs back."""
        return inputs


class TTAModel(BaseTTAModel):
    def merge_preds(self, data_samples_list: list) -> list:
        """Keep the first prediction of each image."""
        return [samples[0] for samples in data_samples_list]


WRAPPERS: dict[str, Callable[[nn.Module], Any]] = {
    'none': lambda model: model,
    'data parallel': nn.DataParallel,
    'test-time augmentation': TTAModel,
    'averaged weights': ExponentialMovingAverage,
    'compiled': torch.compile,
    'augmented and compiled': lambda model: TTAModel(torch.compile(model)),
}


@pytest.mark.parametrize('name', WRAPPERS)
def test_the_innermost_model(name: str) -> None:
    model = Model()
    wrapped = WRAPPERS[name](model)
    # An average has a copy of the model.
    assert type(unwrap(wrapped)) is Model
    assert (unwrap(wrapped) is model) is (name != 'averaged weights')


@pytest.mark.parametrize('name', WRAPPERS)
def test_the_innermost_model_is_replaced(name: str) -> None:
    wrapped = WRAPPERS[name](Model())
    runner, new = SimpleNamespace(model=wrapped), Model()
    replace_inner(runner, 'model', new)
    assert unwrap(runner.model) is new
    assert (runner.model is wrapped) is (name != 'none')
