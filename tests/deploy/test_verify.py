"""Which multiplications count as those of real values, and which ones twins still have."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from contract import wake
from reduced_models import IMAGE_SIZE, build_model, reduced_config
from spike_driven import BOXES
from torch import Tensor, nn

from spikedense.deploy import RealMultiplication, real_multiplications, to_spike_inference
from spikedense.neurons import LIF, BaseNeuron, build_neuron, comparing
from spikedense.utils.config_path import config_root


class Net(nn.Module):
    """Two neurons, and what is done with their spikes and with membranes, ``[2, 4, 6, 6]``."""

    def __init__(self, read: Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.one = build_neuron(dict(type='NILIF', D=4, stateful=False))
        self.two = build_neuron(dict(type='ILIF', D=2, stateful=False))
        self.conv, self.linear = nn.Conv2d(4, 4, 3), nn.Linear(6, 5)
        self.norm, self.weight = nn.BatchNorm2d(4), nn.Parameter(torch.rand(6))
        self.read = read

    def forward(self, x: Tensor) -> Tensor:
        s, r = self.one(x), self.two(x)
        return self.read(self, s, r, s + x)


def found_in(read: Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]) -> list:
    """Module, operation and kind of what is found outside of neurons."""
    found = real_multiplications(Net(read).eval(), 4 * torch.rand(2, 4, 6, 6))
    # NI-LIF divides by D, which a twin's neuron does not.
    assert [(x.module, x.operation) for x in found if x.neuron] == [('one', 'div_')]
    return [(x.module, x.operation, x.kind) for x in found if not x.neuron]


#: m is the net, s and r are spikes, u is a membrane.
PLANTED = {
    'real x real': (lambda m, s, r, u: u * (u + 1), ('', 'mul', 'real x real')),
    'matrices': (lambda m, s, r, u: u @ (u + 1), ('', 'bmm', 'real x real')),
    'convolution': (lambda m, s, r, u: m.conv(u), ('conv', 'convolution', 'real x constant')),
    'linear': (lambda m, s, r, u: m.linear(u), ('linear', 'addmm', 'real x constant')),
    'scaling': (lambda m, s, r, u: 0.5 * u, ('', 'mul', 'real x constant')),
    'layer scale': (lambda m, s, r, u: u * m.weight, ('', 'mul', 'real x constant')),
    'division': (lambda m, s, r, u: u / 3, ('', 'div', 'real x constant')),
    'norm': (lambda m, s, r, u: m.norm(u), ('norm', 'native_batch_norm', 'real x constant')),
    'resize': (
        lambda m, s, r, u: F.interpolate(u, scale_factor=2, mode='bilinear'),
        ('', 'upsample_bilinear2d', 'real x constant'),
    ),
    'mean': (lambda m, s, r, u: u.mean(1), ('', 'mean', 'real x constant')),
    'sigmoid': (lambda m, s, r, u: u.sigmoid(), ('', 'sigmoid', 'real x constant')),
    'softmax': (lambda m, s, r, u: u.softmax(-1), ('', '_softmax', 'real x constant')),
    'sum of spikes, scaled': (lambda m, s, r, u: 0.5 * (s + r), ('', 'mul', 'real x constant')),
}
HARMLESS: dict[str, Callable[[nn.Module, Tensor, Tensor, Tensor], Tensor]] = {
    'spikes through a convolution': lambda m, s, r, u: m.conv(s),
    'moved spikes through a linear layer': lambda m, s, r, u: m.linear(s.flip(1).contiguous()),
    'spikes x real': lambda m, s, r, u: s @ u + u @ r + s * u,
    'spikes x spikes': lambda m, s, r, u: s @ r,
    'a gate of booleans': lambda m, s, r, u: u * (u > 1),
    'where': lambda m, s, r, u: torch.where(u > 1, u, torch.zeros_like(u)),
    'sums': lambda m, s, r, u: (u + 1 - u.sum(0)).clamp(0, 3).abs(),
    'constants': lambda m, s, r, u: u + (m.weight * m.weight).sigmoid() * torch.ones_like(u),
    'weights alone': lambda m, s, r, u: u + m.linear(m.weight).sum(),
    'the mean of one step': lambda m, s, r, u: u[None].mean(0),
    'nearest neighbours': lambda m, s, r, u: F.interpolate(u, scale_factor=2),
    'pooling of maxima': lambda m, s, r, u: F.max_pool2d(u, 2),
}


@pytest.mark.parametrize('what', PLANTED)
def test_a_planted_multiplication_is_found(what: str) -> None:
    read, expected = PLANTED[what]
    found = found_in(read)
    assert len(found) == 1
    (module, operation, kind), (its_module, its_operation, its_kind) = found[0], expected
    assert (module, kind) == (its_module, its_kind)
    # Torch picks one of several batch norms.
    assert its_operation in operation or operation.startswith('_native_batch_norm')


@pytest.mark.parametrize('what', HARMLESS)
def test_what_multiplies_no_reals_is_not_listed(what: str) -> None:
    assert found_in(HARMLESS[what]) == []


def test_numbers_are_an_images_and_pixels_are_told_apart() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), Net(lambda m, s, r, u: 0.5 * u)).eval()
    for batch in (1, 3):
        found = real_multiplications(model, torch.randn(batch, 3, 6, 6))
        pixels, scaling = (x for x in found if not x.neuron)
        assert (pixels.module, pixels.pixels, pixels.times) == ('0', True, 6 * 6 * 3 * 4)
        assert (scaling.module, scaling.pixels, scaling.times) == ('1', False, 6 * 6 * 4)


def test_a_neurons_leak_is_its_own() -> None:
    neuron = comparing(build_neuron(dict(type='ILIF', D=1)).eval())
    found = real_multiplications(nn.Sequential(neuron), torch.randn(3, 2, 4))
    # The leak alone: a reset of one unit subtracts.
    assert {(x.module, x.operation) for x in found} == {('0', 'mul')}
    assert all(x.neuron for x in found)


STEM = ('backbone.stages.0.downsample.conv', 'convolution')
RESIZED = {(f'decode_head.scale_heads.{i}', 'upsample_bilinear2d') for i in (1, 2, 3)}
SDDA = 'decode_head.pixel_decoder.encoder.0.branches.attn.sample.product'
LEFT = {
    'sdt_v3/fpn_sdtv3-demo_1xb8-300i_demo-128x128.py': {STEM, *RESIZED},
    'spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py': {
        STEM,
        ('decode_head.pixel_decoder', 'upsample_bilinear2d'),
        (SDDA, 'grid_sampler_2d'),  # real values between pixels
        (SDDA, 'mul'),  # offsets in pixels made places of the sampler's
    },
    'mask_rcnn/mask-rcnn_sdtv3-demo_1xb4-600i_demo-instance-128x128.py': {
        STEM,
        # mmdet's way to keep the graph of levels without RoIs: their sum times 0.
        ('roi_head.bbox_roi_extractor', 'mul'),
        ('roi_head.mask_roi_extractor', 'mul'),
    },
    'sdt_v2/fpn_sdtv2-demo-lif-t4_1xb8-300i_demo-128x128.py': {STEM, *RESIZED, ('', 'mean')},
}


def twin_of(name: str) -> tuple[nn.Module, list[RealMultiplication]]:
    """A config's twin at reduced size, and what multiplications are left in it."""
    x = torch.randn(1, 3, *IMAGE_SIZE, dtype=torch.float64)
    model = wake(build_model(reduced_config(str(config_root() / name))).double(), x)
    twin, _ = to_spike_inference(model, x, boxes=BOXES)
    before, after = (real_multiplications(m, x, boxes=BOXES) for m in (model, twin))
    assert len({x.module for x in after}) < len({x.module for x in before})
    return twin, after


@pytest.mark.parametrize('name', LEFT)
def test_what_is_left_in_a_spike_driven_twin(name: str) -> None:
    twin, found = twin_of(name)
    assert {(x.module, x.operation) for x in found if not x.neuron} == LEFT[name]
    assert [(x.module, x.operation) for x in found if x.pixels and not x.neuron] == [STEM]
    both = [(x.module, x.operation) for x in found if x.kind == 'real x real' and not x.neuron]
    assert both in ([], [(SDDA, 'grid_sampler_2d')])
    dynamics = {x.module.removesuffix('.node') for x in found if x.neuron}
    # From rest, one step of a neuron is a comparison.
    leaky = {n for n, m in twin.named_modules() if isinstance(m, LIF)} if 't4' in name else set()
    assert dynamics == leaky
    assert any(isinstance(m, BaseNeuron) for m in twin.modules())
