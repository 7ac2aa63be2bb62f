"""The plain re-statement: the same numbers and gradients, other operations."""

import copy
from typing import Any

import pytest
import torch
from contract import wake
from reduced_models import IMAGE_SIZE, build_model, reduced_config
from torch import Tensor, nn

from spikedense.analysis.plain import gather_sample, restate_plainly
from spikedense.models.backbones import SpikeBackbone
from spikedense.models.layers import SpikeDrivenDeformableAttention
from spikedense.neurons import BaseNeuron, build_neuron
from spikedense.ops import deform_sample
from spikedense.utils.config_path import config_root

NETS = dict(
    spike2former='spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py',
    fpn='sdt_v3/fpn_sdtv3-demo_1xb8-300i_demo-128x128.py',
    fpn_v2='sdt_v2/fpn_sdtv2-demo-nilif-1x4_1xb8-300i_demo-128x128.py',
)
NEURONS = [
    dict(type='NILIF', D=4),
    dict(type='NILIF', D=8, norm=3.0, beta=1.0, detach_reset=False),
    dict(type='NILIF', rounding='half_up', window='open'),
    dict(type='NILIF', window='open', detach_reset=False),
    dict(type='NILIF', stateful=False),
    dict(type='ILIF', D=2, beta=0.5),
    dict(type='LIF'),
    dict(type='LIF', v_reset=None, decay_input=False, v_threshold=0.5, detach_reset=False),
    dict(type='LIF', v_reset=-0.5, surrogate=dict(type='ATan')),
    dict(type='LIF', stateful=False),
    dict(type='IF'),
    dict(type='PLIF'),
    dict(type='StrictLIF'),
    dict(type='StrictLIF', detach_reset=False),
    dict(type='SL'),
    dict(type='RL', thresholds=[0.5, 0.25]),
    dict(type='MBPL'),
    dict(type='HSL', stateful=False),
]


def name_of(cfg: dict[str, Any]) -> str:
    return '-'.join(f'{key}={value}' for key, value in cfg.items())


def plain_copy(model: nn.Module) -> nn.Module:
    twin = copy.deepcopy(model)
    restate_plainly(twin)
    return twin


def results(module: nn.Module, *inputs: Tensor) -> list[Tensor]:
    """Output, and the gradients of a weighted sum of it: of the inputs and of the parameters."""
    leaves = [*(x.clone().requires_grad_() for x in inputs), *module.parameters()]
    out = module(*leaves[: len(inputs)])
    weight = torch.randn(out.shape, dtype=out.dtype, generator=torch.Generator().manual_seed(0))
    return [out, *torch.autograd.grad((out * weight).sum(), leaves)]


@pytest.mark.parametrize('T', [1, 3])
@pytest.mark.parametrize('cfg', NEURONS, ids=name_of)
def test_a_neuron(cfg: dict[str, Any], T: int) -> None:
    neuron = nn.Sequential(build_neuron(cfg)).double()
    x = 2 * torch.randn(T, 2, 300, dtype=torch.float64) + 0.5
    # Ties of the rounding and edges of the window.
    x[0, 0, :40] = torch.arange(-10, 30, dtype=torch.float64) / 4
    plain = plain_copy(neuron)
    assert not any(isinstance(module, BaseNeuron) for module in plain.modules())
    found, expected = results(plain, x), results(neuron, x)
    assert expected[0].unique().numel() > 1
    assert expected[1].count_nonzero() > 0
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)


def kept_bytes(module: nn.Module, x: Tensor) -> int:
    """What autograd keeps of a forward pass."""
    saved: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(saved.append, lambda kept: kept):
        module(x)
    return sum({kept.data_ptr(): kept.nbytes for kept in saved}.values())


def test_autograd_keeps_whole_potentials() -> None:
    neuron = nn.Sequential(build_neuron(dict(type='NILIF')))
    x = torch.randn(1, 2, 300).requires_grad_() * 1.0
    assert kept_bytes(plain_copy(neuron), x) == 4 * kept_bytes(neuron, x) == x.nbytes


@pytest.mark.parametrize('kernel_size', [3, 5])
def test_gathered_corners(kernel_size: int) -> None:
    groups, points, size = 2, kernel_size**2, (5, 7)
    value = torch.randn(2, 6, *size).double()
    offset = 1.5 * torch.randn(2, groups, points, 2, *size).double()
    weight = torch.randn(2, groups, points, *size).double()

    class Sampling(nn.Module):
        def __init__(self, function: Any) -> None:
            super().__init__()
            self.function = function

        def forward(self, *args: Tensor) -> Tensor:
            return self.function(*args, kernel_size)

    args = (value, offset, weight)
    found, expected = (results(Sampling(f), *args) for f in (gather_sample, deform_sample))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-11)


def net(name: str, T: int, neuron_cfg: dict[str, Any]) -> nn.Module:
    """A reduced segmentor whose neurons fire, in float64."""
    cfg = reduced_config(str(config_root() / NETS[name]))
    cfg.model.backbone.update(T=T, with_cp=True)
    for part in ('backbone', 'neck', 'decode_head'):
        if part in cfg.model:
            cfg.model[part].neuron_cfg = neuron_cfg
    return wake(build_model(cfg), torch.randn(2, 3, *IMAGE_SIZE)).double()


def train_step(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """Outputs, gradients of a weighted sum of them, and running statistics, in training mode."""
    torch.manual_seed(1)
    out = model.train()(x)
    found = dict(enumerate(out if isinstance(out, tuple) else [out]))
    torch.stack(
        [(value * torch.randn_like(value)).sum() for value in found.values()]
    ).sum().backward()
    found |= {f'{key}.grad': p.grad for key, p in model.named_parameters() if p.grad is not None}
    return found | dict(model.named_buffers())


@pytest.mark.parametrize(
    ('name', 'T', 'neuron_cfg'),
    [
        ('spike2former', 1, NEURONS[0]),
        ('spike2former', 2, NEURONS[3]),
        ('fpn', 1, NEURONS[0]),
        ('fpn', 2, NEURONS[2]),
        ('fpn_v2', 2, NEURONS[6]),
    ],
    ids=lambda value: name_of(value) if isinstance(value, dict) else str(value),
)
def test_a_segmentor(name: str, T: int, neuron_cfg: dict[str, Any]) -> None:
    model = net(name, T, neuron_cfg)
    plain = plain_copy(model)
    assert list(plain.state_dict()) == list(model.state_dict())
    for module in plain.modules():
        assert not isinstance(module, BaseNeuron)
        assert getattr(module, 'order', 'quadratic') == 'quadratic'
        if isinstance(module, SpikeDrivenDeformableAttention):
            assert module.sample.function is gather_sample
        if isinstance(module, SpikeBackbone):
            assert not module.with_cp
    x = torch.randn(1, 3, *IMAGE_SIZE).double()
    with torch.no_grad():
        found, expected = plain(x), model(x)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)

    x = torch.randn(2, 3, *IMAGE_SIZE).double()
    found, expected = train_step(plain, x), train_step(model, x)
    moved = [value for key, value in expected.items() if str(key).endswith('conv.weight.grad')]
    assert len(moved) > 20 and all(value.count_nonzero() > 0 for value in moved)
    torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-9)


def test_neurons_without_a_plain_statement_are_told() -> None:
    streaming = nn.Sequential(build_neuron(dict(type='NILIF', keep_state=True)))
    with pytest.raises(ValueError, match='keep_state has no plain re-statement'):
        restate_plainly(streaming)

    class Other(BaseNeuron):
        def run(self, x: Tensor, membrane: Tensor | None) -> tuple[Tensor, None]:
            return x, None

    for neuron in (Other(1), build_neuron(dict(type='SigmoidL2NILIF'))):
        with pytest.raises(
            ValueError, match='only NILIF, ILIF, LIF, IF, PLIF, StrictLIF, RL, MBPL, HSL have'
        ):
            restate_plainly(nn.Sequential(neuron))
