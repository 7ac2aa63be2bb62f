"""The model of each config predicts the same when all that it sends are binary spikes."""

import re
from fnmatch import fnmatch

import pytest
import torch
from config_groups import Group, grouped, reduced_config_of
from contract import REAL_VALUED, STEMS, wake
from reduced_models import IMAGE_SIZE, build_model, is_known_backbone, is_stock, predicts
from spike_driven import (
    BOXES,
    assert_same_answers,
    assert_same_step_by_step,
    inputs_not_binary,
    run,
)
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from spikedense.deploy import to_spike_inference
from spikedense.deploy.fold import Folding
from spikedense.models.layers.blocks import LayerScale
from spikedense.models.layers.rep_conv import SpikeRepConv
from spikedense.models.layers.stacked_conv import SpikeStackedConv
from spikedense.neurons import BaseNeuron
from spikedense.utils.config_path import list_configs
from spikedense.utils.images import random_images

NAMES = [
    name
    for name in list_configs()
    if predicts(name) and not is_stock(name) and not is_known_backbone(name)
]
#: Layers of a folded model that read real values, out of ``contract.REAL_VALUED``.
REAL_AFTER_FOLDING = (
    *STEMS,
    '*stages.0.downsample.[12].conv',
    '*blocks.0.shortcut.conv',
    '*neurons.*.convs.*.conv',
    '*.neuron.convs.*.conv',
    '*stages.0.downsample.1.convs.*.conv',
    '*bbox_head.fc_*',
    'head.fc',
)
#: Foldings that cannot be done: which configs, what, and why.
REFUSED = {
    # The weight multiplies the queries' membranes, which come from residual sums.
    '*-membrane-shortcut_*': {
        ('shortcut weight', 'it multiplies a membrane, there is no layer to fold it into')
    },
    # Its membrane is squashed and normalised, so that no threshold of its own exists.
    '*-sigmoid-l2_*': {
        ('sigmoid', 'SigmoidL2NILIF does not round'),
        ('attention scale', 'SigmoidL2NILIF has no threshold that could take it'),
    },
    # A sum over steps of sigmoids is no function of a sum of what goes into them.
    '*-2x4_*': {('sigmoid', 'over T=2 steps the membrane of NILIF adds up sigmoids')},
    '*-4x4_*': {('sigmoid', 'over T=4 steps the membrane of NILIF adds up sigmoids')},
}


def family(name: str) -> str:
    """What a config's model is called, without its size, schedule and data.

    The ResNets with SPK blocks are one family: the potentials of HSL and RL are not followed.
    """
    head, backbone, *rest = name.rpartition('/')[2].split('_')
    task = re.search('instance|panoptic', rest[-1])
    return f'{head} {re.sub("-[0-9]+m|(?<=resnet18)-.*", "", backbone)} {task and task[0]}'


#: The first config of each family.
FIRST_OF_FAMILY = set({family(name): name for name in reversed(NAMES)}.values())


def build(name: str) -> nn.Module:
    """The model of a config at reduced size, in float64, its neurons awake."""
    model = build_model(reduced_config_of(name)).double()
    wake(model, images(model))
    for norm in model.modules():
        if isinstance(norm, _BatchNorm):
            # A channel that is the same everywhere would have its rounding magnified.
            norm.running_var.clamp_(min=0.002)
    return model


def images(model: nn.Module) -> torch.Tensor:
    return random_images(model, IMAGE_SIZE, dtype=torch.float64)


@pytest.mark.parametrize('group', grouped('network', NAMES), ids=' '.join)
def test_the_twin_sends_spikes_and_answers_the_same(group: Group) -> None:
    model = build(group[0])
    x = images(model)
    if not any(isinstance(m, BaseNeuron) for m in model.modules()):
        assert all('relu' in name for name in group), 'only the ANN twins have no neurons'
        with pytest.raises(ValueError, match=r'has no spiking neuron, expected a spiking model'):
            to_spike_inference(model, x, boxes=BOXES)
        return
    twin, foldings = to_spike_inference(model, x, boxes=BOXES)
    assert_same_answers(model, twin, images(model))
    assert_all_neurons_fire(model, x)
    real = inputs_not_binary(twin, images(model))
    for name in group:
        assert_explained(name, real)
        assert_folded(name, twin, foldings)
    if FIRST_OF_FAMILY & set(group):
        # In this way the twin of a float32 model is made, too.
        assert_same_step_by_step(model.float(), twin.float(), images(model).float())


def assert_all_neurons_fire(model: nn.Module, x: torch.Tensor) -> None:
    """A silent neuron would prove nothing."""
    calls, _ = run(model, x)
    silent = [name for name, its in calls.items() if not any(c.counts.any() for c in its)]
    assert silent == []


def assert_explained(name: str, real: set[str]) -> None:
    """Weighted layers see zeros and ones, but for the first one and what has no neuron."""
    assert set(REAL_AFTER_FOLDING) < set(REAL_VALUED)
    stems = [layer for layer in real if any(fnmatch(layer, stem) for stem in STEMS)]
    assert len(stems) == 1, 'pixels are no spikes'
    for layer in real:
        explained = any(fnmatch(layer, pattern) for pattern in REAL_AFTER_FOLDING)
        # A stock head takes membranes, as its users expect of a backbone.
        assert explained or ('fpn-ann' in name and not layer.startswith('backbone.')), layer


def assert_folded(name: str, twin: nn.Module, foldings: list[Folding]) -> None:
    """Nothing is left that could go into a weight or a threshold."""
    refused = {(f.what, f.reason) for f in foldings if f.reason is not None}
    allowed = [why for pattern, why in REFUSED.items() if fnmatch(name, pattern)]
    assert refused == set().union(*allowed)
    left = [
        m
        for m in twin.modules()
        if isinstance(m, _BatchNorm | LayerScale | SpikeRepConv | SpikeStackedConv)
    ]
    assert left == []
