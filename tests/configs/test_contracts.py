"""Each model of a config: fed by spikes, free of state, indifferent to its batch."""

import copy
import pickle

import pytest
import torch
from contract import raw_outputs, real_valued_inputs, unexplained, wake
from reduced_models import IMAGE_SIZE, build_model, is_stock, reduced_config
from torch import nn

from spikedense.neurons import BaseNeuron
from spikedense.utils.config_path import config_root, list_configs

configs = pytest.mark.parametrize('name', [n for n in list_configs() if not is_stock(n)])


def build(name: str) -> nn.Module:
    """The model of a config at reduced size, in float64, its neurons awake."""
    model = build_model(reduced_config(str(config_root() / name))).double()
    return wake(model, images())


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


def images(batch: int = 2) -> torch.Tensor:
    return torch.randn(batch, 3, *IMAGE_SIZE, dtype=torch.float64)


@configs
def test_weighted_layers_are_fed_by_spikes(name: str) -> None:
    model = build(name)
    neurons = [m for m in model.modules() if isinstance(m, BaseNeuron)]
    if not neurons:
        assert 'relu' in name, 'only the ANN twins have no neurons'
        return
    rates: dict[nn.Module, torch.Tensor] = {}
    for neuron in neurons:
        neuron.register_forward_hook(
            lambda module, _, out: rates.update({module: (out > 0).double().mean()})
        )
    real = unexplained(real_valued_inputs(model, images(4)))
    # A stock head takes membranes, as its users expect of a backbone.
    assert [n for n in real if n.startswith('backbone.') or 'fpn-ann' not in name] == []
    assert set(rates) == set(neurons)
    assert min(rates.values()) > 0, 'a silent neuron proves nothing'


@configs
def test_an_image_does_not_see_its_neighbours(name: str) -> None:
    model, x = build(name), images()
    with torch.no_grad():
        both = logits(model, x)
        torch.testing.assert_close(logits(model, x.flip(0)), both.flip(0))
        torch.testing.assert_close(logits(model, x[1:]), both[1:])
        assert both.std() > 0


@configs
def test_copies_predict_the_same_after_training(name: str) -> None:
    model, x = build(name).train(), images()
    logits(model, x).sum().backward()
    known = {n for n, _ in model.named_parameters()} | {n for n, _ in model.named_buffers()}
    assert set(model.state_dict()) <= known
    with torch.no_grad():
        expected = logits(model.eval(), x)
        for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            assert torch.equal(logits(twin, x), expected)
