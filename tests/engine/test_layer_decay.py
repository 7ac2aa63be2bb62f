"""Layer-wise decay of the learning rate: every backbone, dense models too, and what is refused."""

from typing import Any

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from small_backbones import VARIANTS
from torch import nn

from spikedense.checks.paramwise import check_constructor
from spikedense.errors import UserError
from spikedense.models.backbones import SpikeBackbone
from spikedense.registry import MODELS

OURS = 'spikedense.LayerDecayConstructor'


class Model(nn.Module):
    """A backbone and a head."""

    def __init__(self, backbone: nn.Module | None) -> None:
        super().__init__()
        if backbone is not None:
            self.backbone = backbone
        self.decode_head = nn.Linear(2, 3)


def rates(model: nn.Module, **paramwise: Any) -> dict[str, float]:
    """Build an optimizer with the rate 1; return the rate of each parameter."""
    wrapper = build_optim_wrapper(
        model,
        dict(optimizer=dict(type='SGD', lr=1.0), constructor=OURS, paramwise_cfg=dict(paramwise)),
    )
    found = {id(p): group['lr'] for group in wrapper.param_groups for p in group['params']}
    return {name: found[id(p)] for name, p in model.named_parameters()}


def expected_rates(backbone: SpikeBackbone, factor: float) -> dict[str, float]:
    """The rates of stem and blocks; a layer in front of a stage belongs to its first block."""
    depths = [len(stage.blocks) for stage in backbone.stages]
    last, rates = sum(depths) + 1, {}
    for i in range(len(depths)):
        before = sum(depths[:i])
        rates[f'stages.{i}.downsample.'] = factor ** (last - before - (i > 0))
        for j in range(depths[i]):
            rates[f'stages.{i}.blocks.{j}.'] = factor ** (last - before - j - 1)
    return rates


@pytest.mark.parametrize('name', VARIANTS)
def test_each_layer_has_its_rate(name: str) -> None:
    with torch.device('meta'):
        backbone = MODELS.build(VARIANTS[name])
        model = Model(backbone)
    found = rates(model, layer_decay_rate=0.5)
    assert found.pop('decode_head.weight') == found.pop('decode_head.bias') == 1
    for prefix, rate in expected_rates(backbone, 0.5).items():
        of_layer = [key for key in found if key.startswith(f'backbone.{prefix}')]
        assert {found.pop(key) for key in of_layer} <= {rate}, prefix
    assert found == {}


def test_factors_by_name_hold_as_well() -> None:
    model = Model(MODELS.build(VARIANTS['v3']))
    keys = dict(decode_head=dict(lr_mult=2.0), stem=dict(lr_mult=0.0))
    found = rates(model, layer_decay_rate=1.0, custom_keys=keys)
    assert found.pop('decode_head.weight') == found.pop('decode_head.bias') == 2
    assert set(found.values()) == {1.0}


@pytest.mark.parametrize('rate', [None, 0, 1.5, 'a'])
def test_wrong_rates_are_told(rate: Any) -> None:
    message = rf'paramwise_cfg.layer_decay_rate={rate!r}, expected a number above 0 and up to 1'
    with pytest.raises(UserError, match=message):
        rates(Model(None), layer_decay_rate=rate)


@pytest.mark.parametrize(
    ('backbone', 'found'), [(None, 'no backbone'), (nn.Linear(1, 1), 'the backbone Linear')]
)
def test_models_without_layers_are_told(backbone: nn.Module | None, found: str) -> None:
    with pytest.raises(UserError, match=f'Model has {found}, expected a backbone with the method'):
        rates(Model(backbone), layer_decay_rate=0.5)


@pytest.mark.parametrize(
    'constructor',
    ['mmdet.LearningRateDecayOptimizerConstructor', 'LearningRateDecayOptimWrapperConstructor'],
)
def test_constructors_for_other_models_are_refused(constructor: str) -> None:
    model = Model(MODELS.build(VARIANTS['v3']))
    with pytest.raises(UserError, match=f"does not know the layers .*, expected '{OURS}' with"):
        check_constructor(model, dict(constructor=constructor))
    model.get_layer_depth = model.backbone.get_layer_depth  # as a classifier has it
    if constructor.startswith('Learning'):
        check_constructor(model, dict(constructor=constructor))
    check_constructor(model, dict(constructor=OURS))
