"""Each model of a config: fed by spikes, free of state, indifferent to its batch."""

import copy
import pickle

import pytest
import torch
from config_groups import Group, grouped, reduced_config_of
from contract import raw_outputs, real_valued_inputs, unexplained, wake
from reduced_models import IMAGE_SIZE, build_model, is_known_backbone, is_stock, predicts
from torch import nn

from spikedense.neurons import BaseNeuron
from spikedense.utils.config_path import list_configs
from spikedense.utils.images import random_images

GROUPS = grouped(
    'network',
    [
        name
        for name in list_configs()
        if predicts(name) and not is_stock(name) and not is_known_backbone(name)
    ],
)


@pytest.fixture(scope='module', params=GROUPS, ids=' '.join)
def group(request: pytest.FixtureRequest) -> Group:
    """Configs of the same network."""
    return request.param


@pytest.fixture(scope='module')
def built(group: Group) -> nn.Module:
    """The model of a group at reduced size, in float64, its neurons awake; tests take copies."""
    torch.manual_seed(0)
    model = build_model(reduced_config_of(group[0])).double()
    return wake(model, images(model))


@pytest.fixture
def model(built: nn.Module) -> nn.Module:
    """A copy of the group's model."""
    return copy.deepcopy(built)


def logits(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What a model answers, an image a row; classes and masks multiplied, ``[B, K, H, W]``."""
    out = raw_outputs(model, x)
    if isinstance(out, torch.Tensor):
        return out
    if hasattr(model, 'neck'):  # anchors: levels of scores and boxes
        levels = [y for ys in out for y in ([ys] if isinstance(ys, torch.Tensor) else ys)]
        return torch.cat([y.flatten(1) for y in levels], dim=1)
    classes, masks = out
    return torch.einsum('lbqk,lbqhw->bkhw', classes, masks)


def images(model: nn.Module, batch: int = 2) -> torch.Tensor:
    return random_images(model, IMAGE_SIZE, batch, dtype=torch.float64)


def test_weighted_layers_are_fed_by_spikes(group: Group, model: nn.Module) -> None:
    neurons = [m for m in model.modules() if isinstance(m, BaseNeuron)]
    if not neurons:
        assert all('relu' in name for name in group), 'only the ANN twins have no neurons'
        return
    rates: dict[nn.Module, torch.Tensor] = {}
    for neuron in neurons:
        neuron.register_forward_hook(
            lambda module, _, out: rates.update({module: (out > 0).double().mean()})
        )
    real = unexplained(real_valued_inputs(model, images(model)))
    # A stock head takes membranes, as its users expect of a backbone.
    stock_head = all('fpn-ann' in name for name in group)
    assert [n for n in real if n.startswith('backbone.') or not stock_head] == []
    assert set(rates) == set(neurons)
    assert min(rates.values()) > 0, 'a silent neuron proves nothing'


def test_an_image_does_not_see_its_neighbours(model: nn.Module) -> None:
    x = images(model)
    with torch.no_grad():
        both = logits(model, x)
        first, second = both.chunk(2)  # each frame of a clip may have an answer
        torch.testing.assert_close(logits(model, x.flip(0)), torch.cat([second, first]))
        torch.testing.assert_close(logits(model, x[1:]), second)
        assert both.std() > 0


def test_copies_predict_the_same_after_training(model: nn.Module) -> None:
    x = images(model, 1)
    logits(model.train(), x).sum().backward()
    known = {n for n, _ in model.named_parameters()} | {n for n, _ in model.named_buffers()}
    assert set(model.state_dict()) <= known
    with torch.no_grad():
        expected = logits(model.eval(), x)
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert torch.equal(logits(twin, x), expected)
