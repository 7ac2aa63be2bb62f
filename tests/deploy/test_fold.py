"""Each folding on its own: a model computes the same afterwards."""

import copy
from typing import Any

import pytest
import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from spikedense.deploy import Folding, fold
from spikedense.models.layers import (
    ChannelMLP,
    SpikeBlock,
    SpikeConv,
    SpikeDeconv,
    SpikeLinear,
    SpikeMultiheadAttention,
    SpikeSelfAttention,
    SpikeSeparableConv,
)
from spikedense.models.layers.mask_embed import SpikeMaskEmbed
from spikedense.models.layers.rep_conv import SpikeRepConv
from spikedense.models.pixel_decoders.sdte import SDTELayer
from spikedense.neurons import (
    BaseNeuron,
    ThresholdNeuron,
    build_neuron,
    comparing,
    rescaled_input,
)

CFG: dict[str, Any] = dict(neuron_cfg=dict(type='NILIF', D=4), norm_cfg=dict(type='BN'))


def settled(module: nn.Module) -> nn.Module:
    """Float64, in eval mode, with weights and statistics that are those of no fresh module."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None:
            part.running_mean.uniform_(-1, 1)
            part.running_var.uniform_(0.5, 2)
            nn.init.uniform_(part.weight, -2, 2)
            nn.init.uniform_(part.bias, 0, 2)
        if type(part).__name__ == 'LayerScale':
            nn.init.uniform_(part.weight, -2, 2)
    return module.double().eval()


def maps(channels: int = 4, steps: int = 1, size: tuple[int, int] = (5, 6)) -> Tensor:
    return 3 * torch.randn(steps, 2, channels, *size, dtype=torch.float64)


@torch.no_grad()
def folded_alike(model: nn.Module, *x: Tensor, **how: Any) -> tuple[nn.Module, list[Folding]]:
    """Folds a copy of a model and compares the two."""
    twin = copy.deepcopy(model)
    foldings = fold(twin, **how)
    expected, found = model(*x), twin(*x)
    pairs = (
        zip(expected, found, strict=True) if isinstance(expected, tuple) else [(expected, found)]
    )
    for a, b in pairs:
        assert a.std() > 0, 'a constant proves nothing'
        torch.testing.assert_close(b, a, rtol=1e-12, atol=1e-12)
    return twin, foldings


def norms_in(model: nn.Module) -> int:
    return sum(isinstance(m, nn.BatchNorm2d) for m in model.modules())


LAYERS = {
    'convolution': lambda: SpikeConv(4, 6, 3, stride=2, **CFG),
    'convolution with bias': lambda: SpikeConv(4, 6, 3, bias=True, **CFG),
    'grouped convolution': lambda: SpikeConv(4, 6, 3, groups=2, **CFG),
    'depth-wise convolution': lambda: SpikeConv(4, 4, 5, groups=4, **CFG),
    'transposed convolution': lambda: SpikeDeconv(4, 6, **CFG),
    'RepConv': lambda: SpikeRepConv(4, 6, **CFG),
    'efficient spiking convolution': lambda: SpikeSeparableConv(4, 3, **CFG),
}


@pytest.mark.parametrize('what', LAYERS)
@pytest.mark.parametrize('steps', [1, 3])
def test_norms_go_into_the_layer_in_front(what: str, steps: int) -> None:
    model = settled(nn.Sequential(LAYERS[what]()))
    twin, foldings = folded_alike(model, maps(steps=steps))
    assert norms_in(twin) == 0
    assert foldings and all(f.reason is None for f in foldings)


def test_the_norm_of_vectors_goes_into_the_linear_layer() -> None:
    layer = settled(SpikeLinear(4, 6, **CFG))
    twin, foldings = folded_alike(layer, 3 * torch.randn(2, 7, 4, dtype=torch.float64))
    assert norms_in(twin) == 0
    assert foldings == [Folding('norm', '')]


def test_the_norm_of_a_stock_layer_is_folded_as_well() -> None:
    model = settled(nn.Sequential(ConvModule(4, 6, 3, norm_cfg=dict(type='BN'))))
    twin, foldings = folded_alike(model, maps()[0])
    assert norms_in(twin) == 0
    assert foldings == [Folding('norm', '0')]


@pytest.mark.parametrize('kernel_size', [3, 7])
def test_a_separable_convolution_without_a_neuron_becomes_one_layer(kernel_size: int) -> None:
    # Larger than the map: each place sees a border.
    module = settled(SpikeSeparableConv(4, kernel_size, mid_neuron=False, **CFG))
    twin, foldings = folded_alike(module, maps(size=(4, 5)))
    assert 'separable convolution' in {f.what for f in foldings}
    layers = [m for m in twin.modules() if isinstance(m, nn.Conv2d)]
    assert [layer.groups for layer in layers] == [1, 1]
    assert layers[1].kernel_size == (kernel_size, kernel_size)


def test_parts_of_the_folding_can_be_left_out() -> None:
    module = SpikeSeparableConv(4, 3, mid_neuron=False, **CFG)
    branches = dict(token_mixer=module, channel_mixer=SpikeRepConv(4, 4, **CFG))
    block = settled(SpikeBlock(4, branches, layer_scale=0.5))
    how = dict(separable=False, scales=False, rep_convs=False)
    twin, foldings = folded_alike(block, maps(), **how)
    assert {f.what for f in foldings} == {'norm'}
    assert norms_in(twin) == 3, 'those of the RepConv'


def test_layer_scales_go_into_the_last_layer_of_their_branch() -> None:
    layer = settled(SDTELayer(8, 2, layer_scale=0.5, attn_cfg=dict(num_groups=2), **CFG))
    twin, foldings = folded_alike(layer, maps(8))
    scales = [f for f in foldings if f.what == 'layer scale']
    assert [f.where for f in scales] == ['scales.conv', 'scales.attn', 'scales.mlp']
    assert all(f.reason is None for f in scales) and len(twin.scales) == 0


@pytest.mark.parametrize('mid_neuron', [True, False])
@pytest.mark.parametrize('projection', ['conv', 'rep_conv'])
def test_layer_scales_of_backbone_blocks_are_folded(mid_neuron: bool, projection: str) -> None:
    attn = SpikeSelfAttention(4, 2, 0.125, projection=projection, **CFG)
    conv = SpikeSeparableConv(4, 3, mid_neuron=mid_neuron, **CFG)
    branches = dict(conv=conv, attn=attn, mlp=ChannelMLP(4, **CFG))
    block = SpikeBlock(4, branches, layer_scale=0.5)
    twin, foldings = folded_alike(settled(block), maps())
    assert len(twin.scales) == 0
    assert all(f.reason is None for f in foldings)


def test_the_scale_behind_mixed_up_channels_stays() -> None:
    cfg = dict(layer_scale=0.5, attn_cfg=dict(num_groups=2), legacy_layout=True, **CFG)
    twin, foldings = folded_alike(settled(SDTELayer(8, 2, **cfg)), maps(8))
    (refused,) = [f for f in foldings if f.reason is not None]
    assert refused.where == 'scales.mlp' and 'does not end in a layer' in refused.reason
    assert list(twin.scales) == ['mlp']


TAKES_A_SCALE = [
    dict(type='NILIF', D=4),
    dict(type='NILIF', D=4, rounding='half_up', norm=8),
    dict(type='ILIF', D=3),
    dict(type='EvalClampedNILIF', D=4, eval_clamp=2),
    dict(type='LIF', v_threshold=0.2),
    dict(type='LIF', v_threshold=0.2, v_reset=None),
    dict(type='LIF', v_threshold=0.2, v_reset=-0.25, decay_input=False),
    dict(type='IF', v_threshold=0.2),
    dict(type='PLIF', v_threshold=0.2, v_reset=None),
    dict(type='PLIF', v_threshold=0.2, decay_input=False),
    dict(type='StrictLIF', v_threshold=0.2),
]
ids = [' '.join(f'{v}' for v in cfg.values()) for cfg in TAKES_A_SCALE]


@pytest.mark.parametrize('neuron_cfg', TAKES_A_SCALE, ids=ids)
@pytest.mark.parametrize('steps', [1, 4])
def test_the_factor_of_attention_goes_into_thresholds(neuron_cfg: dict, steps: int) -> None:
    cfg = dict(CFG, attn_neuron_cfg=neuron_cfg)
    attention = settled(SpikeSelfAttention(8, 2, 0.15, **cfg))
    fired = []
    attention.out_proj.neuron.register_forward_hook(lambda m, x, y: fired.append(y))
    twin, foldings = folded_alike(attention, maps(8, steps))
    assert Folding('attention scale', '') in foldings
    assert twin.product.scale == 1
    assert fired[0].unique().numel() > 1


def test_the_factor_of_cross_attention_goes_into_thresholds() -> None:
    attention = settled(SpikeMultiheadAttention(8, 2, **CFG))
    twin, foldings = folded_alike(attention, *(maps(8) for _ in range(3)))
    assert twin.product.scale == 1 and all(f.reason is None for f in foldings)


def test_a_neuron_without_thresholds_takes_no_factor() -> None:
    cfg = dict(CFG, attn_neuron_cfg=dict(type='SigmoidL2NILIF'))
    twin, foldings = folded_alike(settled(SpikeSelfAttention(8, 2, 0.15, **cfg)), maps(8))
    assert twin.product.scale == 0.15
    assert [f.reason for f in foldings if f.reason] == [
        'SigmoidL2NILIF has no threshold that could take it'
    ]


def embed(shortcut: str | None, steps: int = 1, **cfg: Any) -> tuple[nn.Module, Tensor]:
    """A mask embedding whose shortcut has a weight, and queries."""
    module = settled(SpikeMaskEmbed(8, 8, 6, shortcut, **{**CFG, **cfg}))
    if module.weight is not None:
        nn.init.constant_(module.weight, 0.7)
    nn.init.uniform_(module.fc_out.bias, 0, 2)
    return module, torch.randn(steps, 2, 6, 8, dtype=torch.float64)


@pytest.mark.parametrize('shortcut', ['me_query_conv', 'me_channel_conv', 'identity', None])
@pytest.mark.parametrize('rounding', ['even', 'half_up'])
def test_a_sigmoid_becomes_a_threshold_and_the_shortcuts_weight_is_folded(
    shortcut: str | None, rounding: str
) -> None:
    module, queries = embed(shortcut, neuron_cfg=dict(type='NILIF', D=4, rounding=rounding))
    # Sigmoid of 0 is a tie.
    queries[..., 0] = 0
    twin, foldings = folded_alike(module, queries, steps=1)
    assert twin.pre_act is None and Folding('sigmoid', '') in foldings
    weighed = shortcut in ('me_query_conv', 'me_channel_conv')
    assert (Folding('shortcut weight', '') in foldings) == weighed


def test_what_multiplies_membranes_stays() -> None:
    module, queries = embed('membrane')
    twin, foldings = folded_alike(module, queries, steps=1)
    (refused,) = [f for f in foldings if f.reason is not None]
    assert refused.what == 'shortcut weight' and twin.weight is not None


@pytest.mark.parametrize(
    ('steps', 'neuron_cfg', 'why'),
    [
        (3, dict(type='NILIF', D=4), 'over T=3 steps the membrane of NILIF adds up sigmoids'),
        (3, dict(type='NILIF', D=4, stateful=False), None),
        (1, dict(type='LIF', v_threshold=0.3), 'LIF does not round'),
    ],
)
def test_a_sigmoid_that_is_no_threshold_stays(
    steps: int, neuron_cfg: dict, why: str | None
) -> None:
    module, queries = embed('me_query_conv', steps, neuron_cfg=neuron_cfg)
    twin, foldings = folded_alike(module, queries, steps=steps)
    assert [f.reason for f in foldings if f.what == 'sigmoid'] == [why]
    assert twin.pre_act == (None if why is None else 'sigmoid')


def test_a_model_in_training_mode_is_refused() -> None:
    with pytest.raises(ValueError, match=r'training mode, expected eval mode'):
        fold(SpikeConv(4, 4, **CFG))


@pytest.mark.parametrize('norm', [nn.GroupNorm(2, 4), nn.BatchNorm2d(4, track_running_stats=False)])
def test_norms_that_depend_on_their_input_are_named(norm: nn.Module) -> None:
    layer = SpikeConv(4, 4, **CFG)
    layer.norm = norm
    twin, (folding,) = folded_alike(settled(layer), maps())
    assert folding.what == 'norm' and 'no running statistics' in folding.reason
    assert twin.norm is not None


def test_a_separable_convolution_with_such_a_norm_stays_two_layers() -> None:
    module = SpikeSeparableConv(4, 3, mid_neuron=False, **CFG)
    module.project.norm = nn.GroupNorm(2, 4)
    twin, foldings = folded_alike(settled(module), maps())
    refused = {f.what for f in foldings if f.reason is not None}
    assert refused == {'norm', 'separable convolution'}
    assert not isinstance(twin.project, nn.Identity)


@pytest.mark.parametrize('rounding', ['even', 'half_up'])
@pytest.mark.parametrize('D', range(1, 9))
@pytest.mark.parametrize('steps', [1, 3])
def test_ties_fire_as_they_round(D: int, rounding: str, steps: int) -> None:
    neuron = build_neuron(dict(type='NILIF', D=D, rounding=rounding)).eval()
    twin = comparing(neuron)
    assert isinstance(twin, ThresholdNeuron)
    # Quarters, halves and wholes, and sums of them with a leak of a quarter: exact in binary.
    levels = torch.arange(-4, 4 * D + 8, dtype=torch.float64) / 4
    x = torch.cartesian_prod(*[levels] * steps) if steps > 1 else levels[:, None]
    assert torch.equal(twin(x.t()), neuron(x.t()))
    assert (x[:, 0] % 1 == 0.5).any()


@pytest.mark.parametrize('gain', [0.125, 0.5, 4.0])
@pytest.mark.parametrize('rounding', ['even', 'half_up'])
def test_thresholds_of_unscaled_currents_have_the_same_ties(gain: float, rounding: str) -> None:
    neuron: BaseNeuron = build_neuron(dict(type='NILIF', D=4, rounding=rounding)).eval()
    twin = rescaled_input(neuron, gain)
    levels = torch.arange(-4, 24, dtype=torch.float64) / 4
    x = torch.cartesian_prod(levels, levels, levels).t()
    assert torch.equal(twin(x / gain), neuron(x))
