"""The contract of the backbones, for all of them."""

import copy
import math
import pickle

import pytest
import torch
from contract import real_valued_inputs, unexplained, wake
from mmengine.registry import MODELS as ROOT_MODELS

from spikedense.models.backbones import SDTV2, SDTV3, SpikeDrivenPyramid
from spikedense.models.layers import DropPath
from spikedense.neurons import LIF, BaseNeuron
from spikedense.registry import MODELS

SMALL = dict(embed_dims=(8, 16, 24, 32), depths=(1, 1, 1, 1, 1), num_heads=2)
VARIANTS = {
    'v2-lif': dict(type='spikedense.SDTV2', neuron_cfg=dict(type='LIF')),
    'v2-nilif': dict(type='spikedense.SDTV2', neuron_cfg=dict(type='NILIF', D=8)),
    'v3': dict(type='spikedense.SDTV3', neuron_cfg=dict(type='NILIF', D=4)),
    'v3-scaled': dict(type='spikedense.SDTV3', neuron_cfg=dict(type='ILIF', D=2), layer_scale=0.5),
}
variants = pytest.mark.parametrize('variant', VARIANTS)


def build(variant: str, **kwargs) -> SpikeDrivenPyramid:
    """A small backbone whose neurons fire."""
    model = MODELS.build({'arch': SMALL, **VARIANTS[variant], **kwargs}).double()
    return wake(model, image())


def image(batch: int = 2, height: int = 32, width: int = 48) -> torch.Tensor:
    return torch.randn(batch, 3, height, width, dtype=torch.float64)


@variants
@pytest.mark.parametrize('size', [(32, 48), (37, 61), (17, 16)])
@pytest.mark.parametrize('stage4_stride', [1, 2])
def test_taps_have_the_channels_and_strides_they_tell(variant, size, stage4_stride) -> None:
    model = build(variant, out_indices=range(5), stage4_stride=stage4_stride, T=2).eval()
    outs = model(image(1, *size))
    assert model.out_channels == (4, 8, 16, 24, 32)
    assert model.out_strides == (2, 4, 8, 16, 16 * stage4_stride)
    for out, channels, stride in zip(outs, model.out_channels, model.out_strides, strict=True):
        assert out.shape == (2, 1, channels, *(math.ceil(s / stride) for s in size))


@variants
def test_out_indices_choose_among_the_same_features(variant) -> None:
    model = build(variant, out_indices=(0, 1, 2, 3, 4)).eval()
    x = image()
    everything = model(x)
    model.out_indices = (1, 3)
    for out, i in zip(model(x), (1, 3), strict=True):
        assert torch.equal(out, everything[i])


@variants
def test_an_image_is_a_clip_that_stands_still(variant) -> None:
    model = build(variant, T=3).eval()
    x = image()
    for a, b in zip(model(x), model(x.expand(3, -1, -1, -1, -1)), strict=True):
        torch.testing.assert_close(a, b)


@variants
def test_time_can_be_averaged_for_stock_necks(variant) -> None:
    model, x = build(variant, T=3).eval(), image()
    kept = model(x)
    model.out_time = 'mean'
    for a, b in zip(model(x), kept, strict=True):
        torch.testing.assert_close(a, b.mean(0))


@variants
def test_images_do_not_see_each_other(variant) -> None:
    model, x = build(variant, T=2).eval(), image(2)
    both = model(x)
    for turned, out in zip(model(x.flip(0)), both, strict=True):
        torch.testing.assert_close(turned.flip(1), out)
    for alone, out in zip(model(x[:1]), both, strict=True):
        torch.testing.assert_close(alone, out[:, :1])


@variants
def test_gradients_of_an_image_alone_are_those_in_a_batch(variant) -> None:
    model = build(variant).eval()
    x = image(2).requires_grad_()
    (both,) = torch.autograd.grad(sum(o.square().sum() for o in model(x)), x)
    (alone,) = torch.autograd.grad(sum(o.square().sum() for o in model(x[:1])), x)
    torch.testing.assert_close(alone[:1], both[:1])


@variants
def test_a_second_call_knows_nothing_of_the_first(variant) -> None:
    model = build(variant, T=3).eval()
    a, b = image(), image()
    first = model(a)
    model(b)
    assert all(torch.equal(x, y) for x, y in zip(model(a), first, strict=True))


@variants
def test_weighted_layers_are_fed_by_spikes(variant) -> None:
    model = build(variant, T=2).eval()
    real = real_valued_inputs(model, image())
    assert 'stages.0.downsample.conv' in real
    assert unexplained(real) == []
    if variant.startswith('v3'):
        assert real == ['stages.0.downsample.conv']


@variants
def test_copies_pickles_and_checkpoints(variant) -> None:
    model, x = build(variant).train(), image()
    sum(o.sum() for o in model(x)).backward()
    expected = model.eval()(x)
    known = {n for n, _ in model.named_parameters()} | {n for n, _ in model.named_buffers()}
    assert set(model.state_dict()) == known
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert all(torch.equal(a, b) for a, b in zip(twin(x), expected, strict=True))


@variants
def test_checkpointing_changes_nothing(variant) -> None:
    plain = build(variant, T=2).train()
    saving = copy.deepcopy(plain)
    saving.with_cp = True
    x = image()
    for model in (plain, saving):
        sum((o**2).sum() for o in model(x)).backward()
    for (name, a), b in zip(plain.named_parameters(), saving.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, msg=name)
    for (name, a), b in zip(plain.named_buffers(), saving.buffers(), strict=True):
        torch.testing.assert_close(a, b, msg=name)


def test_checkpointing_recomputes() -> None:
    calls = []
    model = build('v3', with_cp=True).train()
    model.stages[1].blocks[0].register_forward_pre_hook(lambda *_: calls.append(1))
    sum(o.sum() for o in model(image())).backward()
    assert len(calls) == 2


@variants
@pytest.mark.parametrize('frozen', [-1, 0, 2])
def test_frozen_stages_do_not_learn(variant, frozen) -> None:
    model = build(variant, frozen_stages=frozen).train()
    before = copy.deepcopy(model.state_dict())
    sum(o.sum() for o in model(image())).backward()
    for i, stage in enumerate(model.stages):
        grads = [p.grad is not None for p in stage.parameters()]
        assert not any(grads) if i <= frozen else any(grads)
        still = all(
            torch.equal(before[f'stages.{i}.{k}'], v) for k, v in stage.state_dict().items()
        )
        assert still == (i <= frozen)


def test_norm_eval_keeps_running_statistics() -> None:
    model = build('v2-lif', norm_eval=True).train()
    before = copy.deepcopy(model.state_dict())
    model(image())
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert model.training


def test_drop_path_drops_whole_samples_and_grows_with_depth() -> None:
    model = build('v3', drop_path_rate=0.4).train()
    rates = [m.rate for m in model.modules() if isinstance(m, DropPath)]
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    drop = DropPath(0.5).train()
    kept = drop(torch.ones(3, 400, 2, 1, 1))
    assert set(kept.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(kept, kept[:1, :, :1].expand_as(kept))
    assert 100 < kept[0, :, 0].count_nonzero() < 300
    x = torch.ones(1, 4, 2, 1, 1)
    assert drop.eval()(x) is x


@pytest.mark.parametrize(
    ('cls', 'arch', 'count'),
    [
        (SDTV2, '15M', 14_751_208),
        (SDTV2, '31M', 31_333_864 - 481_000),
        (SDTV2, '55M', 55_350_248 - 641_000),
        (SDTV2, '124M', 123_741_160 - 961_000),
        (SDTV3, '2.7M', 2_702_048 - 129_000),
        (SDTV3, '5M', 4_912_608),
        (SDTV3, '10M', 9_782_112),
        (SDTV3, '19M', 18_626_504),
    ],
)
def test_parameter_counts_are_the_published_ones(cls, arch, count) -> None:
    with torch.device('meta'):
        assert sum(p.numel() for p in cls(arch).parameters()) == count


class _Binary(BaseNeuron):
    """A user's own neuron: fires from a threshold on, and remembers nothing."""

    def __init__(self, v_threshold: float = 1.0, **kwargs) -> None:
        super().__init__(D=1, **kwargs)
        self.v_threshold = v_threshold

    def run(self, x, membrane):
        return (x >= self.v_threshold).to(x.dtype), membrane


@pytest.mark.parametrize(
    ('neuron_cfg', 'scale', 'threshold'),
    [
        (None, 0.125, 0.5),
        (dict(type='spikedense.PLIF', v_threshold=3.0), 0.125, 1.5),
        (dict(type=LIF, v_threshold=2.0), 0.125, 1.0),
        (dict(type=_Binary), 0.125, 0.5),
        (dict(type='NILIF'), 12**-0.5, None),
        (dict(type='ReLU'), 12**-0.5, None),
    ],
)
def test_v2_asks_its_neuron_for_the_version(neuron_cfg, scale, threshold) -> None:
    attn = SDTV2(SMALL, neuron_cfg=neuron_cfg).stages[3].blocks[0].branches['attn']
    assert attn.product.scale == scale
    assert getattr(attn.out_proj.neuron, 'v_threshold', None) == threshold


def test_layer_ids_rise_with_depth() -> None:
    model = build('v3')
    ids = [
        model.get_layer_depth(f'backbone.{n}', 'backbone.')[0] for n, _ in model.named_parameters()
    ]
    assert ids == sorted(ids)
    assert set(ids) == set(range(6))
    assert model.get_layer_depth('head.fc.weight', 'backbone.') == (6, 7)


def test_buildable_from_any_scope() -> None:
    model = ROOT_MODELS.build(dict(type='spikedense.SDTV3', arch=SMALL))
    assert isinstance(model, SDTV3)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(arch='20M'), "arch='20M', expected one of"),
        (dict(arch=dict(embed_dims=(8, 16, 24))), 'expected four widths'),
        (dict(arch=dict(embed_dim=8)), "arch={'embed_dim': 8}, expected embed_dims and"),
        (dict(arch=dict(SMALL, depth=3)), "'depth': 3}, expected embed_dims and"),
        (dict(arch=15), 'arch=15, expected one of'),
        (dict(arch=dict(SMALL, depths=(1, 1))), 'expected 5 numbers of blocks'),
        (dict(arch=dict(SMALL, num_heads=5)), 'num_heads=5, expected a divisor of 24'),
        (dict(T=0), 'T=0, expected an integer'),
        (dict(out_indices=(0, 5)), r'out_indices=\(0, 5\), expected a list of taps among 0..4'),
        (dict(out_indices=2), 'out_indices=2, expected a list of taps among 0..4'),
        (dict(frozen_stages='all'), "frozen_stages='all', expected -1..4"),
        (dict(out_time='sum'), "out_time='sum', expected one of"),
        (dict(stage4_stride=4), 'stage4_stride=4, expected 1 or 2'),
        (dict(frozen_stages=5), 'frozen_stages=5, expected -1..4'),
        (dict(drop_path_rate=1.0), 'drop_path_rate=1.0, expected'),
        (dict(neuron_cfg=dict(type='NILIF', D=-1)), 'D=-1, expected an integer'),
        (dict(neuron_cfg=dict(type='NILIF', norm='abc')), "norm='abc', expected a number above 0"),
        (dict(neuron_cfg=dict(type='NILIF', norm=math.nan)), 'norm=nan, expected a number above 0'),
        (dict(neuron_cfg=dict(type='LIF', stateful='no')), "stateful='no', expected True or False"),
        (dict(norm_cfg=dict(type='GN', num_groups=2)), 'expected a batch norm with running'),
        (dict(norm_cfg=dict(type='BN', affine=False)), 'and affine weights'),
    ],
)
def test_wrong_settings_are_told(kwargs, message) -> None:
    with pytest.raises(ValueError, match=message):
        SDTV2(**{'arch': SMALL, **kwargs})


def test_a_neuron_that_is_no_config_is_told() -> None:
    with pytest.raises(TypeError, match="neuron_cfg='LIF', expected a dict with a 'type'"):
        SDTV2(SMALL, neuron_cfg='LIF')


@pytest.mark.parametrize('shape', [(2, 1, 32, 32), (3, 32, 32)])
def test_wrong_inputs_are_told(shape) -> None:
    with pytest.raises(ValueError, match='expected images'):
        build('v3')(torch.zeros(shape, dtype=torch.float64))
