"""MLPixer and SRB: what their layouts compute, and what one output of them sees."""

import copy
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from contract import wake
from linear_neuron import Through
from torch import Tensor, nn

from spikedense.deploy import to_spike_inference
from spikedense.models.backbones import SDTV2, SDTV3
from spikedense.models.layers import SpikeConv, SpikeStripLinear, build_mixer
from spikedense.models.layers.mixers import splash
from spikedense.models.layers.mixers.splash import as_map, as_strips
from spikedense.weights import keep_settings, tell_sizes

#: Each time step is a call of its own, as in the release.
NEURON = dict(type='NILIF', D=4, stateful=False)
CFG: dict[str, Any] = dict(neuron_cfg=NEURON, norm_cfg=dict(type='BN'))
S, M, L = (32, 64, 128, 192), (48, 96, 192, 240), (64, 128, 256, 360)


def mixer(kind: str, channels: int = 8, **args: Any) -> Any:
    """A mixer in float64, whose linear layers are large enough for spikes."""
    built = build_mixer(dict(type=kind, **args), channels, **CFG).double().eval()
    for module in built.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.uniform_(module.weight, -4 / channels, 8 / channels)
    return built


def maps(*shape: int) -> Tensor:
    return 2 * torch.randn(*shape, dtype=torch.float64)


def spikes(x: Tensor) -> Tensor:
    return x.round().clamp(0, 4) / 4


# --- the layout -----------------------------------------------------------------------------------


def test_a_row_is_a_strip_of_one_channel() -> None:
    x = torch.arange(2 * 4 * 4 * 6).view(2, 4, 4, 6)
    rows = as_strips(x)
    assert rows.shape == (2, 24, 4)
    per_channel = 4 * 6 // 4
    for n in range(24):
        channel, place = divmod(n, per_channel)
        strip = x[1, channel].flatten()[4 * place : 4 * place + 4]
        assert torch.equal(rows[1, n], strip)
    assert torch.equal(as_map(rows, 4, 6), x)


@pytest.mark.parametrize('size', [(4, 6), (5, 7), (3, 3)])
@pytest.mark.parametrize('steps', [1, 3])
def test_mlpixer_is_an_mlp_of_strips(size: tuple[int, int], steps: int) -> None:
    # The map between the layers is no other order of the numbers: the same strips go through both.
    mlpixer, x = mixer('MLPixer'), maps(steps, 2, 8, *size)
    rows = spikes(x).flatten(0, 1).flatten(1).unflatten(1, (-1, 8))
    hidden = spikes(rows @ mlpixer.widen.linear.weight.T)
    expected = (hidden @ mlpixer.narrow.linear.weight.T).view_as(x)
    assert hidden.std() > 0
    torch.testing.assert_close(mlpixer(x), expected)


@pytest.mark.parametrize('size', [(4, 6), (5, 7)])
def test_srb_is_a_linear_layer_on_strips_and_a_convolution(size: tuple[int, int]) -> None:
    srb, x = mixer('SRB'), maps(2, 3, 8, *size)
    rows = spikes(x).reshape(6, size[0] * size[1], 8)
    hidden = (rows @ srb.widen.linear.weight.T).reshape(6, 32, *size)
    y = F.conv2d(spikes(hidden), srb.narrow.conv.weight, padding=1)
    torch.testing.assert_close(srb(x), srb.narrow.norm(y).view_as(x))


def test_each_hidden_channel_shows_one_part_of_an_input_channel() -> None:
    layer = mixer('SRB', 4, ratio=2).widen
    x = maps(1, 1, 4, 4, 4).requires_grad_()
    layer.neuron = Through()
    for channel, part in ((0, 0), (1, 1)):
        (grad,) = torch.autograd.grad(layer(x)[0, 0, channel].sum(), x)
        rows = grad[0, 0].abs().sum(2) > 0
        assert rows.nonzero().tolist() == [[0, 2 * part], [0, 2 * part + 1]]


@pytest.mark.parametrize('kind', ['MLPixer', 'SRB'])
def test_the_memory_format_changes_nothing(kind: str) -> None:
    built, x = mixer(kind), maps(1, 2, 8, 5, 6)
    last = x.squeeze(0).contiguous(memory_format=torch.channels_last).unsqueeze(0)
    torch.testing.assert_close(built(last), built(x))


def test_pointwise_is_a_1x1_convolution() -> None:
    mlpixer, x = mixer('MLPixer', layout='pointwise'), maps(2, 2, 8, 5, 6)
    weights = [layer.conv.weight.flatten(1) for layer in (mlpixer.widen, mlpixer.narrow)]
    y = spikes(x).movedim(2, -1) @ weights[0].T
    torch.testing.assert_close(mlpixer(x), (spikes(y) @ weights[1].T).movedim(-1, 2))


@pytest.mark.parametrize('kind', ['MLPixer', 'SRB'])
def test_one_weight_for_both_layouts(kind: str) -> None:
    counts = {
        layout: sum(p.numel() for p in mixer(kind, layout=layout).parameters())
        for layout in ('splash', 'pointwise')
    }
    assert counts['splash'] == counts['pointwise']


@pytest.mark.parametrize(
    ('cfg', 'number'),
    [
        (dict(type='ChannelConv'), 18 * 4),
        (dict(type='MLPixer'), 2 * 4),
        (dict(type='SRB'), 10 * 4),
        (dict(type='SRB', layout='pointwise', order='conv_mlp'), 2 * 4),
        (dict(type='SRB', order='conv_mlp'), 2 * 4),
    ],
)
def test_weights_of_a_block(cfg: dict[str, Any], number: int) -> None:
    built = build_mixer(cfg, 16, **CFG)
    assert sum(p.numel() for p in built.parameters() if p.dim() > 1) == number * 16**2


@pytest.mark.parametrize('norm', ['official', 'bn'])
def test_norms(norm: str) -> None:
    both = norm == 'bn'
    for kind, order, expected in (
        ('MLPixer', {}, (both, both)),
        ('SRB', {}, (both, True)),
        ('SRB', dict(order='conv_mlp'), (True, both)),
    ):
        built = mixer(kind, norm=norm, **order)
        assert (built.widen.norm is not None, built.narrow.norm is not None) == expected


def test_dropout_is_behind_linear_layers_and_in_training_only() -> None:
    rates = {
        'MLPixer': (0.3, 0.3),
        'SRB': (0.3, 0.0),
    }
    for kind, expected in rates.items():
        built = mixer(kind, drop=0.3)
        assert (built.widen_drop.p, built.narrow_drop.p) == expected
    built, x = mixer('MLPixer', drop=0.5), maps(1, 2, 8, 4, 4)
    assert torch.equal(built(x), built(x))
    built.train()
    assert 0.3 < (built(x) == 0).double().mean() < 0.7


@pytest.mark.parametrize('layout', ['splash', 'pointwise'])
def test_linear_layers_start_small(layout: str) -> None:
    built = build_mixer(dict(type='MLPixer', layout=layout), 64, **CFG)
    for layer in (built.widen, built.narrow):
        weight = layer.linear.weight if layout == 'splash' else layer.conv.weight
        assert abs(weight.std() - 0.02) < 2e-3


@pytest.mark.parametrize('kind', ['MLPixer', 'SRB'])
def test_gradients_are_those_of_differences(kind: str) -> None:
    # With neurons that pass their input on: the surrogate gradient of others is no derivative.
    built = mixer(kind, 4, ratio=2)
    for layer in (built.widen, built.narrow):
        layer.neuron = Through()
    assert torch.autograd.gradcheck(built, maps(2, 1, 4, 3, 4).requires_grad_())


@pytest.mark.parametrize(
    ('cfg', 'said'),
    [
        (dict(type='MLPixer', layout='strips'), "layout='strips', expected 'splash' or"),
        (dict(type='SRB', order='conv_conv'), "order='conv_conv', expected 'mlp_conv' or"),
        (dict(type='SRB', norm='BN'), "norm='BN', expected 'official' or 'bn'"),
        (dict(type='MLPixer', drop=1), 'drop=1, expected a rate of at least 0 and below 1'),
        (dict(type='SRB', drop='low'), "drop='low', expected a rate of at least 0"),
        (dict(type='SRB', ratio='4'), "ratio='4', expected an integer of at least 1"),
        (dict(type='MLPixer', ratio=1.5), 'ratio=1.5, expected an integer of at least 1'),
        (dict(type='MLPixer', ratio=0), 'ratio=0, expected an integer of at least 1'),
        (dict(type='ChannelConv', ratio=-2), 'ratio=-2, expected an integer of at least 1'),
        (dict(type='ChannelMLP', ratio=2.5), 'ratio=2.5, expected an integer of at least 1'),
        (dict(type='MLPixer', order='mlp_conv'), "MLPixer has no 'order'"),
    ],
)
def test_wrong_settings_are_told(cfg: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build_mixer(cfg, 8, **CFG)


# --- another size than in training ----------------------------------------------------------------


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    splash._warn_of_size.cache_clear()
    said: list[str] = []
    monkeypatch.setattr(splash, 'print_log', lambda text, **_: said.append(text))
    return said


def test_another_size_is_told_once(warnings: list[str]) -> None:
    net = nn.Sequential(mixer('MLPixer'), mixer('SRB'))
    net.eval()(maps(1, 1, 8, 4, 6))
    net.train()(maps(1, 2, 8, 4, 6))
    net.eval()(maps(1, 1, 8, 4, 6))
    assert warnings == []
    for size in ((6, 4), (8, 8)):
        net(maps(1, 1, 8, *size))
    (text,) = warnings
    assert 'another size than in training' in text


def test_training_on_many_sizes_and_pointwise_layers_are_silent(warnings: list[str]) -> None:
    many, pointwise = mixer('SRB'), mixer('SRB', layout='pointwise')
    for size in ((4, 4), (6, 6), (8, 8)):
        many.train()(maps(1, 2, 8, *size))
        pointwise.train()(maps(1, 2, 8, 4, 4))
    assert len(many.widen.trained_sizes) == 2
    for built in (many, pointwise):
        built.eval()(maps(1, 1, 8, 5, 5))
    assert warnings == []


def test_the_comparison_with_a_twin_is_silent(warnings: list[str]) -> None:
    net = backbone((8, 8, 8, 8), dict(type='SRB'), out_indices=(0, 4))
    wake(net, torch.randn(2, 3, 32, 48)).train()(torch.randn(2, 3, 32, 48))
    twin, _ = to_spike_inference(net.eval())
    twin(torch.randn(1, 3, 32, 48))
    assert warnings == []
    twin(torch.randn(1, 3, 48, 48))
    assert len(warnings) == 1


def test_a_checkpoint_keeps_the_size(warnings: list[str]) -> None:
    trained, fresh = mixer('SRB'), mixer('SRB')
    trained.train()(maps(1, 2, 8, 4, 6))
    assert trained.state_dict().keys() == fresh.state_dict().keys()
    checkpoint: dict[str, Any] = dict(meta={})
    keep_settings(trained, checkpoint['meta'])
    tell_sizes(fresh, checkpoint)
    fresh(maps(1, 1, 8, 4, 6))
    assert warnings == []
    fresh(maps(1, 1, 8, 5, 6))
    assert len(warnings) == 1
    assert copy.deepcopy(fresh).widen.trained_sizes == ((4, 6),)


# --- in a backbone: the tables of the receptive-field paper ---------------------------------------


def backbone(dims: Any, cfg: dict[str, Any], **args: Any) -> SDTV3:
    return SDTV3(dict(embed_dims=dims), channel_mixer=[cfg] * 3 + [{}] * 2, **args)


@pytest.mark.parametrize(
    ('cfg', 'ratio', 'published'),
    [
        (dict(type='ChannelConv'), 4, (5105608, 10023112, 18987504)),
        (dict(type='MLPixer'), 4, (4497640, 8656504, 16559152)),
        (dict(type='MLPixer'), 6, (5230568, 10097080, 19333904)),
        (dict(type='SRB'), 4, (4801096, 9339016, 17772272)),
        (dict(type='SRB'), 6, (5685576, 11120584, 21153232)),
    ],
)
def test_parameters_of_the_classifiers(
    cfg: dict[str, Any], ratio: int, published: tuple[int, ...]
) -> None:
    for dims, number in zip((S, M, L), published, strict=True):
        with torch.device('meta'):
            net = backbone(dims, cfg, mlp_ratio=ratio)
        head = 1000 * dims[3] + 1000
        assert sum(p.numel() for p in net.parameters()) == number - head


def test_both_families_take_the_mixers() -> None:
    for family in (SDTV2, SDTV3):
        net = family(
            dict(embed_dims=(8, 16, 16, 16), depths=(1, 1, 1, 1, 1), num_heads=2),
            channel_mixer=[dict(type='SRB'), dict(type='MLPixer'), {}, {}, {}],
            mlp_ratio=3,
        )
        kinds = [next(reversed(stage.blocks[0].branches.values())) for stage in net.stages]
        names = [type(kind).__name__ for kind in kinds]
        assert names == ['SRB', 'MLPixer', 'ChannelConv', 'ChannelMLP', 'ChannelMLP']
        assert kinds[0].narrow.conv.in_channels == 3 * kinds[0].narrow.conv.out_channels
        assert net(torch.randn(1, 3, 40, 56))[-1].shape[-2:] == (3, 4)


def test_the_layout_decides_the_layer() -> None:
    kinds = dict(splash=SpikeStripLinear, pointwise=SpikeConv)
    for layout, kind in kinds.items():
        assert type(mixer('SRB', layout=layout).widen) is kind
