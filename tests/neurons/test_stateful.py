"""Neurons whose memory is switched off in a model that exists."""

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import neuron as sj
from torch import Tensor, nn

from spikedense.analysis.erf import st_erf
from spikedense.errors import UserError
from spikedense.neurons import BaseNeuron, build_neuron, set_stateful

CFGS = [
    dict(type='LIF'),
    dict(type='LIF', decay_input=False, v_reset=None),
    dict(type='PLIF'),
    dict(type='IF'),
    dict(type='StrictLIF'),
    dict(type='ILIF', D=4),
    dict(type='NILIF', D=4),
    dict(type='MBPL'),
]
neuron_cfgs = pytest.mark.parametrize('cfg', CFGS, ids=lambda c: '-'.join(map(str, c.values())))


class TwoLayers(nn.Module):
    """Two neurons under names, as in a backbone."""

    def __init__(self, cfg: dict) -> None:
        super().__init__()
        self.layer1 = nn.ModuleDict(dict(sn=build_neuron(cfg)))
        self.layer2 = nn.ModuleDict(dict(sn=build_neuron(cfg)))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer2['sn'](2 * self.layer1['sn'](x))


def currents(T: int = 5, **kwargs) -> Tensor:
    return 2 * torch.rand(T, 3, 4, 2, **kwargs)


@neuron_cfgs
def test_each_step_is_the_first_after_a_reset(cfg: dict) -> None:
    net, x = TwoLayers(cfg), currents()
    before = net(x)
    assert set_stateful(net, False) == ['layer1.sn', 'layer2.sn']
    single = torch.cat([net(step[None]) for step in x])
    assert torch.equal(net(x), single)
    order = torch.tensor([3, 0, 4, 1, 2])
    assert torch.equal(net(x[order]), net(x)[order])
    set_stateful(net, True)
    assert torch.equal(net(x), before)


@pytest.mark.parametrize(
    ('cfg', 'reference'),
    [
        (dict(type='LIF'), sj.LIFNode()),
        (dict(type='PLIF'), sj.ParametricLIFNode()),
        (dict(type='IF'), sj.IFNode()),
        (dict(type='ILIF', D=4), sj.ILIFNode()),
    ],
    ids=['LIF', 'PLIF', 'IF', 'ILIF'],
)
def test_equals_spikingjelly_with_a_reset_before_every_step(
    cfg: dict, reference: sj.BaseNode
) -> None:
    x, expected = currents(), []
    for step in x:
        reference.reset()
        expected.append(reference(step))
    assert torch.equal(build_neuron(dict(cfg, stateful=False))(x), torch.stack(expected))


@neuron_cfgs
def test_no_gradient_and_no_state_crosses_a_step(cfg: dict) -> None:
    neuron, x = build_neuron(dict(cfg, keep_state=True)), currents().requires_grad_()
    neuron(currents())
    set_stateful(nn.ModuleList([neuron]), False)
    (gradient,) = torch.autograd.grad(neuron(x)[2].sum(), x)
    assert gradient[2].any() and not gradient[[0, 1, 3, 4]].any()
    assert neuron.membrane is None
    assert torch.equal(neuron(x), build_neuron(dict(cfg, stateful=False))(x))
    assert set(neuron.state_dict()) <= {'node.w'}


@neuron_cfgs
def test_one_step_is_the_same_with_and_without_memory(cfg: dict) -> None:
    x = currents(T=1)
    assert torch.equal(build_neuron(cfg)(x), build_neuron(dict(cfg, stateful=False))(x))


@pytest.mark.parametrize(
    ('include', 'chosen'),
    [
        ('layer1', ['layer1.sn']),
        (['layer2.*'], ['layer2.sn']),
        ('*.sn', ['layer1.sn', 'layer2.sn']),
        (['layer?', 'layer1.sn'], ['layer1.sn', 'layer2.sn']),
    ],
)
def test_patterns_touch_only_what_they_match(include: str | list[str], chosen: list[str]) -> None:
    net = TwoLayers(dict(type='LIF'))
    assert set_stateful(net, False, include) == chosen
    found = [n for n, m in net.named_modules() if isinstance(m, BaseNeuron) and not m.stateful]
    assert found == chosen
    net.load_state_dict(TwoLayers(dict(type='LIF')).state_dict())
    assert [n for n, m in net.named_modules() if getattr(m, 'stateful', True) is False] == chosen


def test_the_temporal_field_of_a_neuron_without_memory_is_a_delta() -> None:
    net = TwoLayers(dict(type='LIF', surrogate=dict(type='Sigmoid', alpha=1.0))).double().eval()
    net.T = 4
    clip = currents(T=4, dtype=torch.float64)

    def field(**options: str) -> np.ndarray:
        layers = ('layer1.sn', 'layer2.sn')
        found = st_erf(net, [clip], layers, t_out='last', **options)
        return np.stack([found.temporal(one) for one in layers])

    assert (field() > 0).all()
    set_stateful(net, False, 'layer1')
    first, second = field()
    assert first[0] > 0 and not first[1:].any()
    assert (second > 0).all()
    set_stateful(net, False)
    assert not field()[:, 1:].any()


def test_errors_name_the_pattern() -> None:
    net = TwoLayers(dict(type='LIF'))
    with pytest.raises(UserError, match=r"include has 'layer3', which matches no spiking neuron"):
        set_stateful(net, False, ['layer1', 'layer3'])
    assert net.layer1['sn'].stateful
    with pytest.raises(UserError, match='this model has none'):
        set_stateful(nn.Sequential(nn.ReLU()), False)
    net.foreign = sj.LIFNode()
    with pytest.raises(UserError, match=r"chooses 'foreign'.*memory of its own"):
        set_stateful(net, False)
    assert set_stateful(net, False, 'layer1') == ['layer1.sn']
