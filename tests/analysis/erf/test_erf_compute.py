"""The computation of receptive fields, against formulas and against itself."""

import gc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from contract import wake
from mmseg.models.backbones import ResNet, SwinTransformer
from small_backbones import VARIANTS
from torch import Tensor, nn

from spikedense.analysis.erf import ERFResult, st_erf
from spikedense.analysis.erf.compute import input_gradients
from spikedense.analysis.erf.layers import Subject
from spikedense.analysis.erf.layouts import Grid, Sizes
from spikedense.analysis.erf.stimulus import Stimulus
from spikedense.errors import UserError
from spikedense.neurons import LIF, NILIF, StrictLIF
from spikedense.registry import MODELS


class OneNeuron(nn.Module):
    """A neuron on each pixel.

    Args:
        neuron: the neuron.
        T: time steps.
    """

    def __init__(self, neuron: nn.Module, T: int) -> None:
        super().__init__()
        self.neuron, self.T = neuron, T

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, H, W]`` or ``[T, B, C, H, W]`` -> ``[T, B, C, H, W]``."""
        return self.neuron(x if x.dim() == 5 else x.expand(self.T, *x.shape))


def small(kind: str, **changes: Any) -> nn.Module:
    """A small backbone in float64, whose neurons fire."""
    torch.manual_seed(0)
    net = MODELS.build({**VARIANTS[kind], **changes})
    return wake(net, torch.randn(2, 3, 32, 48)).double()


def images(number: int = 2, height: int = 32, width: int = 48) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(number, 3, height, width, generator=generator, dtype=torch.float64)


def assert_equal(one: ERFResult, other: ERFResult) -> None:
    assert one.maps.keys() == other.maps.keys()
    for name in one.maps:
        assert one.maps[name].max() > 0
        np.testing.assert_allclose(
            one.maps[name], other.maps[name], rtol=1e-9, atol=1e-9 * one.maps[name].max()
        )


# --- formulas -------------------------------------------------------------------------------------


@pytest.mark.parametrize('layers', [1, 3])
def test_convolutions_of_ones(layers: int) -> None:
    net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1, bias=False) for _ in range(layers)))
    for convolution in net:
        nn.init.ones_(convolution.weight)
    found = st_erf(net.eval(), [torch.randn(2, 1, 15, 17)], str(layers - 1))
    profile = np.ones(1)
    for _ in range(layers):
        profile = np.convolve(profile, np.ones(3))
    expected = np.zeros((15, 17))
    around = slice(7 - layers, 8 + layers), slice(8 - layers, 9 + layers)
    expected[around] = np.outer(profile, profile)
    np.testing.assert_allclose(found.spatial(str(layers - 1)), expected)
    assert found.centers == {str(layers - 1): (7, 8)}


@pytest.mark.parametrize(
    ('neuron', 'kept'),
    [
        # A rectangle of height 1 around the threshold, and no spike: a linear membrane.
        *((LIF(tau, 0.4, surrogate=dict(type='Rect', alpha=1.0)), 1 - 1 / tau) for tau in (2, 8)),
        (StrictLIF(4.0, 0.4), 1 - 1 / 4),
        (NILIF(4, beta=0.25), 0.25),
    ],
)
def test_the_membrane_forgets_by_its_leak(neuron: nn.Module, kept: float) -> None:
    net = OneNeuron(neuron, 6).double().eval()
    x = torch.full((1, 1, 3, 3), 0.01, dtype=torch.float64)
    delays = st_erf(net, [x], t_out='last').temporal('stage0')
    np.testing.assert_allclose(delays / delays[0], kept ** np.arange(6))
    # One run can measure both: the field in space, and the delays.
    both = st_erf(net, [x], delays=True)
    np.testing.assert_array_equal(both.temporal('stage0'), delays)
    # Step s reaches the output steps s, s + 1, ...
    sums = np.cumsum(kept ** np.arange(6))[::-1]
    np.testing.assert_allclose(both.maps['stage0'].sum((1, 2)) / delays[0], sums)


# --- against itself -------------------------------------------------------------------------------


@pytest.mark.parametrize('kind', ['v3', 'v2-lif', 'qkformer', 'sew-resnet', 'spikingresformer'])
@pytest.mark.parametrize('reduce', ['sum', 'random_sign'])
def test_one_image_alone_is_the_same_as_in_a_batch(kind: str, reduce: str) -> None:
    # With T = 1 and one image, a batch norm without its guard returns wrong gradients.
    net, both = small(kind, T=1), images()
    assert_equal(st_erf(net, [both], reduce=reduce), st_erf(net, both.split(1), reduce=reduce))


@pytest.mark.parametrize(
    'build',
    [
        lambda: ResNet(18, num_stages=2, strides=(1, 2), dilations=(1, 1), out_indices=(0, 1)),
        lambda: SwinTransformer(embed_dims=8, depths=(1, 1), num_heads=(1, 2), strides=(4, 2),
                                out_indices=(0, 1), window_size=4),
    ],
    ids=['resnet', 'swin'],
)  # fmt: skip
def test_networks_without_spikes(build: Any) -> None:
    torch.manual_seed(0)
    net, both = build().double(), images()
    net.eval()  # which returns nothing in mmseg
    names = (
        ['stages', 'layer1.0.bn1'] if isinstance(net, ResNet) else ['stages', 'stages.0.blocks.0']
    )
    one = st_erf(net, [both], names, reduce='random_sign')
    assert list(one.maps) == ['stage0', 'stage1', names[1]]
    assert (one.neurons, one.temporal_maps, one.has_delays) == ({}, None, False)
    assert one.maps['stage0'].shape == (1, 32, 48)
    assert_equal(one, st_erf(net, both.split(1), names, reduce='random_sign'))


def test_operations_in_place_change_no_layer() -> None:
    conv = nn.Conv2d(3, 4, 3, padding=1)
    alone = st_erf(conv.double().eval(), [images()])
    followed = st_erf(nn.Sequential(conv, nn.ReLU(inplace=True)).eval(), [images()], '0')
    np.testing.assert_array_equal(alone.maps['stage0'], followed.maps['0'])


def test_a_clip_and_an_image_repeated_by_the_tool_are_the_same() -> None:
    net, both = small('v2-lif', T=3), images()
    found = st_erf(net, [both], 'stages[1]')
    assert_equal(found, st_erf(net, [both.expand(3, *both.shape)], 'stages[1]'))
    assert (list(found.maps), found.maps['stage1'].shape) == (['stage1'], (3, 32, 48))
    assert found.sizes['stage1'] == (8, 12) and found.centers['stage1'] == (16, 24)
    assert next(iter(found.neurons.values())).endswith('neurons, gradient: Sigmoid(alpha=4.0)')
    # A clip has its own number of steps.
    assert st_erf(net, [both.expand(2, *both.shape)]).maps['stage1'].shape == (2, 32, 48)


def test_a_backbone_that_averages_over_time_still_shows_its_steps() -> None:
    kept, mean = (small('v2-lif', T=2, out_time=out) for out in ('keep', 'mean'))
    mean.load_state_dict(kept.state_dict())
    assert_equal(*(st_erf(net, [images()], t_out='last') for net in (kept, mean)))
    assert mean.out_time == 'mean'


def signed(net: nn.Module, stimulus: Stimulus) -> Tensor:
    layers = (subject := Subject(net)).choose('stages[1]')
    ((_, _, _, gradient),) = input_gradients(subject, images(1), layers, [stimulus])
    return gradient


def test_all_output_steps_are_the_sum_of_the_single_ones() -> None:
    net = small('v2-lif', T=3)
    single = sum(signed(net, Stimulus(t_out=step)) for step in range(3))
    torch.testing.assert_close(signed(net, Stimulus()), single)
    torch.testing.assert_close(signed(net, Stimulus(t_out='last')), signed(net, Stimulus(t_out=2)))
    # No step sees a later one.
    assert (signed(net, Stimulus(t_out=1))[2] == 0).all()
    assert (signed(net, Stimulus(t_out=1))[:2] != 0).any((1, 2, 3, 4)).all()


def test_official_quirks_are_the_first_step_beside_the_centre() -> None:
    net, wide = small('v2-lif', T=2), [images(2, 32, 192)]
    quirks = st_erf(net, wide, 'stages[1]', official_quirks=True)
    settings = dict(t_out=0, center=(4, 24 + 5), per_step_input=False)
    assert_equal(quirks, st_erf(net, wide, 'stages[1]', **settings))
    assert quirks.centers == {'stage1': (16, 4 * 29)}
    with pytest.raises(UserError, match='has its own t_out and center'):
        st_erf(net, wide, official_quirks=True, t_out='last')
    with pytest.raises(UserError, match='column 8, but the map is 4x6'):
        st_erf(net, [images(1)], 'stages[2]', official_quirks=True)


def test_random_signs_measure_the_squared_gradients_of_channels() -> None:
    torch.manual_seed(0)
    net = nn.Conv2d(1, 3, 3, padding=1).double().eval()
    x = torch.randn(4000, 1, 5, 5, dtype=torch.float64)
    layers = (subject := Subject(net)).choose('stages')
    stimulus = [Stimulus(reduce='random_sign')]
    ((_, _, _, gradient),) = input_gradients(subject, x, layers, stimulus)
    squares = net.weight.detach().square().sum(0)[0]
    torch.testing.assert_close(
        gradient.square().mean((0, 1, 2))[1:4, 1:4], squares, rtol=0.1, atol=0
    )


def test_memory_does_not_depend_on_the_number_of_images() -> None:
    net, alive = small('v3'), []

    def batches() -> Iterator[Tensor]:
        for _ in range(4):
            gc.collect()
            tensors = (x for x in gc.get_objects() if isinstance(x, Tensor))
            alive.append(sum(x.numel() for x in tensors))
            yield images(1)

    found = st_erf(net, batches(), ['stages', 'stages.*.blocks.*', 'stages.?.*'])
    assert list(found.maps)[4:7] == [f'stages.{i}.blocks.0' for i in range(3)]
    assert 'stages.4.downsample' in found.maps
    assert alive[1] == alive[2] == alive[3]


def test_the_model_is_as_before() -> None:
    net = small('v3')
    net.stages[0].requires_grad_(False)
    before = [p.requires_grad for p in net.parameters()]
    hooks = sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net.modules())
    st_erf(net, [images()], ['stages[0]'])
    assert [p.requires_grad for p in net.parameters()] == before
    assert hooks == sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in net.modules())
    assert all(p.grad is None for p in net.parameters())


# --- layouts --------------------------------------------------------------------------------------

SIZES = Sizes(steps=3, batch=2, image=(32, 48))


@pytest.mark.parametrize(
    ('shape', 'layout', 'steps'),
    [
        ((3, 2, 8, 4, 6), 'TBCHW', 3),
        ((6, 8, 4, 6), 'BCHW', 3),
        ((2, 8, 4, 6), 'BCHW', 1),
        ((6, 4, 6, 8), 'BHWC', 3),
        ((6, 24, 8), 'BNC', 3),
        ((2, 25, 8), 'BNC', 1),
        ((6, 8, 24), 'BCN', 3),
        ((3, 2, 24, 8), 'TBNC', 3),
        ((3, 2, 8, 25), 'TBCN', 3),
    ],
)
def test_layouts(shape: tuple[int, ...], layout: str, steps: int) -> None:
    grid = SIZES.find_grid('x', shape)
    assert grid == Grid(layout, steps, 4, 6) == SIZES.find_grid('x', shape, layout, (4, 6))
    out = torch.zeros(shape)
    maps = grid.maps(out)
    assert maps.shape == (steps, 2, 8, 4, 6)
    maps[..., 1, 2] = 1
    assert out.sum() == steps * 2 * 8
    if 'N' in layout:
        # The class token is at the front.
        token = out.size(layout.index('N')) - 24 + 1 * 6 + 2
        assert (out.select(layout.index('N'), token) == 1).all()


@pytest.mark.parametrize(
    ('shape', 'given', 'said'),
    [
        ((6, 24, 24), {}, 'does not tell which axis holds tokens'),
        ((6, 23, 8), {}, 'does not tell which axis holds tokens'),
        ((6, 23, 8), dict(layout='BNC'), 'is no map of 2 images of 32x48 and 3 time steps'),
        ((6, 23, 8), dict(layout='BNC', hw=(4, 6)), r'hw=\(4, 6\) is no map'),
        ((5, 8, 4, 6), {}, 'is no map'),
        ((6, 8), {}, 'is no map'),
        ((6, 8, 4, 6), dict(layout='NCHW'), 'expected a layout of TBCHW'),
    ],
)
def test_outputs_that_are_no_maps(shape: tuple, given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        SIZES.find_grid('x', shape, **given)


# --- errors ---------------------------------------------------------------------------------------


@pytest.fixture(scope='module')
def two_steps() -> nn.Module:
    return small('v2-lif', T=2)


@pytest.mark.parametrize(
    ('settings', 'said'),
    [
        (dict(layers='stages.9'), "layer 'stages.9' names no module of SDTV2"),
        (dict(layers='stages[9]'), 'has 4 outputs'),
        (dict(layers=[]), 'there are no layers'),
        (dict(layers='stages.0.tap*'), 'names no module'),
        (dict(inputs=[]), 'there are no images'),
        (dict(inputs=[images(1), images(1, 32, 32)]), 'expected one size'),
        (dict(t_out=2), 'has 2 time steps, expected a number below 2'),
        (dict(t_out='first'), "t_out='first', expected 'all', 'last' or an index"),
        (dict(reduce='mean'), "reduce='mean', expected one of"),
        (dict(center=(0, 99)), 'the stimulus is at row 0 and column 99'),
    ],
)
def test_errors(two_steps: nn.Module, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said.replace('[', r'\[')):
        st_erf(two_steps, **{'inputs': [images(1)], **settings})


def test_modules_that_are_not_called() -> None:
    # The backbone runs the layers of this stem one by one.
    net, stem = small('spikformer'), 'stages.0.downsample'
    assert stem not in st_erf(net, [images(1)], ['stages.*.*', f'{stem}.*']).maps
    with pytest.raises(UserError, match=f"layer '{stem}' is not called in the forward pass"):
        st_erf(net, [images(1)], stem)


def test_training_mode_is_refused() -> None:
    with pytest.raises(ValueError, match='training mode, expected eval mode'):
        st_erf(small('v3').train(), [images()])


def test_a_layer_norm_at_the_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(
        'spikedense.analysis.erf.layer_norm.print_log', lambda text, **_: said.append(text)
    )
    net = nn.Sequential(nn.Flatten(2), nn.LayerNorm(48)).eval()
    for reduce in ('sum', 'random_sign', 'sum'):
        st_erf(net, [torch.randn(2, 24, 6, 8)], '1', reduce=reduce, layout='BNC', hw=(4, 6))
    assert len(said) == 1 and "layer '1' ends in a layer norm" in said[0]
