"""The contract of the backbones, held against each one of ``small_backbones.VARIANTS``."""

import copy
import math
import pickle
from typing import Any

import pytest
import torch
from contract import real_valued_inputs, unexplained, wake
from small_backbones import VARIANTS
from torch import Tensor, nn

from spikedense.models.backbones import SpikeBackbone
from spikedense.models.layers import DropPath
from spikedense.neurons import BaseNeuron
from spikedense.registry import MODELS

variants = pytest.mark.parametrize('variant', VARIANTS)


def build(variant: str, **kwargs: Any) -> SpikeBackbone:
    """A small backbone whose neurons fire, in float64 and eval mode."""
    model = MODELS.build({**VARIANTS[variant], **kwargs}).double()
    return wake(model, image())


def image(batch: int = 2, height: int = 32, width: int = 48) -> Tensor:
    return torch.randn(batch, 3, height, width, dtype=torch.float64)


def all_taps(variant: str) -> range:
    return range(len(build(variant).stages))


def test_each_registered_backbone_is_asked() -> None:
    registered = {
        cls
        for cls in MODELS.module_dict.values()
        if isinstance(cls, type) and issubclass(cls, SpikeBackbone)
    }
    asked = {type(build(variant)) for variant in VARIANTS}
    assert registered and registered <= asked


@variants
@pytest.mark.parametrize('size', [(32, 48), (37, 61), (17, 16)])
def test_taps_have_the_channels_and_strides_they_tell(variant: str, size: tuple[int, int]) -> None:
    model = build(variant, out_indices=all_taps(variant), T=2)
    outs = model(image(1, *size))
    assert len(outs) == len(model.out_channels) == len(model.out_strides)
    for out, channels, stride in zip(outs, model.out_channels, model.out_strides, strict=True):
        assert out.shape == (2, 1, channels, *(math.ceil(s / stride) for s in size))


@variants
def test_out_indices_choose_among_the_same_features(variant) -> None:
    taps = all_taps(variant)
    model, x = build(variant, out_indices=taps), image()
    everything = model(x)
    chosen = taps[-1:] if len(taps) < 3 else (taps[0], taps[-2])
    model.out_indices = tuple(chosen)
    for out, i in zip(model(x), chosen, strict=True):
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
def test_single_precision_alone_and_in_a_batch(variant: str) -> None:
    model, x = build(variant).float(), image(5).float()
    rates: list[float] = []

    def watch(_: nn.Module, args: tuple, out: Tensor) -> None:
        if args[0].any():  # a difference of equal frames is zero everywhere
            rates.append(out.gt(0).float().mean())

    for module in model.modules():
        if isinstance(module, BaseNeuron):
            module.register_forward_hook(watch)
    with torch.no_grad():
        outs = model(x)
        assert min(rates) > 0, 'a silent neuron proves nothing'
        # The order of calls, a failed call and another size leave no state: no bit changes.
        with pytest.raises(ValueError, match='expected images'):
            model(x[:, :2])
        model(image(1, 40, 40).float())
        for first, again in zip(outs, model(x), strict=True):
            assert torch.equal(first, again)
        # A kernel may add up in another order for another batch, and one current in thousands then
        # crosses a threshold: of the five images one may differ. A state that leaks changes all.
        differences = [
            max(
                ((alone[:, 0] - whole[:, i]).abs().max() / whole.abs().max()).item()
                for whole, alone in zip(outs, model(x[i : i + 1]), strict=True)
            )
            for i in range(len(x))
        ]
    assert sorted(differences)[-2] < 1e-6


@variants
def test_weighted_layers_are_fed_by_spikes(variant: str) -> None:
    model = build(variant, T=2)
    real = real_valued_inputs(model, image())
    first = next(name for name, layer in model.named_modules() if isinstance(layer, nn.Conv2d))
    assert real[0] == first
    assert unexplained(real) == []
    # Separable convolutions of V2, stacked ones of V3, shortcuts of MS-ResNet and STSepResNet, and
    # the stem of SpikeAtConv have no neuron.
    if not variant.startswith(('v2', 'v3-large', 'ms-resnet', 'stsep', 'spikeatconv')):
        assert real == [first]


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


@variants
def test_checkpointing_recomputes(variant: str) -> None:
    calls = []
    model = build(variant, with_cp=True).train()
    blocks = [block for stage in model.stages for block in stage.blocks]
    blocks[-1].register_forward_pre_hook(lambda *_: calls.append(1))
    sum(o.sum() for o in model(image())).backward()
    assert len(calls) == 2


@variants
def test_frozen_stages_do_not_learn(variant: str) -> None:
    for frozen in (-1, *all_taps(variant)[:3:2]):
        model = build(variant, frozen_stages=frozen, out_indices=all_taps(variant)).train()
        before = copy.deepcopy(model.state_dict())
        out = sum(o.sum() for o in model(image()))
        if any(p.requires_grad for p in model.parameters()):
            out.backward()
        for i, stage in enumerate(model.stages):
            grads = [p.grad is not None for p in stage.parameters()]
            assert not any(grads) if i <= frozen else any(grads)
            still = all(
                torch.equal(before[f'stages.{i}.{k}'], v) for k, v in stage.state_dict().items()
            )
            assert still == (i <= frozen)


@variants
def test_norm_eval_keeps_running_statistics(variant: str) -> None:
    model = build(variant, norm_eval=True).train()
    before = copy.deepcopy(model.state_dict())
    model(image())
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())
    assert model.training


@variants
def test_stochastic_depth_grows_with_depth(variant: str) -> None:
    model = build(variant, drop_path_rate=0.4).train()
    blocks = [block for stage in model.stages for block in stage.blocks]
    rates = [m.rate for block in blocks for m in block.modules() if isinstance(m, DropPath)]
    steps = max(1, len(rates) - 1)
    assert len(rates) > 1
    assert rates == pytest.approx([0.4 * i / steps for i in range(len(rates))])


@variants
def test_layer_ids_rise_with_depth(variant: str) -> None:
    model = build(variant)
    blocks = sum(len(stage.blocks) for stage in model.stages)
    ids = [
        model.get_layer_depth(f'backbone.{n}', 'backbone.')[0] for n, _ in model.named_parameters()
    ]
    assert ids == sorted(ids)
    assert set(ids) == set(range(blocks + 1))
    assert model.get_layer_depth('head.fc.weight', 'backbone.') == (blocks + 1, blocks + 2)


@variants
def test_weights_are_loaded_from_a_checkpoint(variant: str, tmp_path: Any) -> None:
    path = str(tmp_path / 'model.pth')
    source = build(variant)
    state = {f'backbone.{key}': value for key, value in source.state_dict().items()}
    torch.save(dict(state_dict=state), path)
    model = MODELS.build(
        {**VARIANTS[variant], 'init_cfg': dict(type='Pretrained', checkpoint=path)}
    ).double()
    model.init_weights()
    assert all(torch.equal(source.state_dict()[k], v) for k, v in model.state_dict().items())
    state.popitem()
    state.pop(next(key for key in state if key.endswith('conv.weight')))
    torch.save(dict(state_dict=state), path)
    with pytest.raises(Exception, match=r'conv\.weight'):
        model.init_weights()


@variants
@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(T=0), 'T=0, expected an integer'),
        (dict(out_indices=(0, 9)), r'out_indices=\(0, 9\), expected a list of taps among 0\.\.'),
        (dict(out_indices=2), r'out_indices=2, expected a list of taps among 0\.\.'),
        (dict(frozen_stages='all'), r"frozen_stages='all', expected -1\.\."),
        (dict(frozen_stages=9), r'frozen_stages=9, expected -1\.\.'),
        (dict(out_time='sum'), "out_time='sum', expected one of"),
        (dict(drop_path_rate=1.0), 'drop_path_rate=1.0, expected'),
        (dict(neuron_cfg=dict(type='NILIF', D=-1)), 'D=-1, expected an integer'),
    ],
)
def test_wrong_settings_of_any_backbone_are_told(
    variant: str, kwargs: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        MODELS.build({**VARIANTS[variant], **kwargs})


def test_stages_need_channels_and_strides() -> None:
    with pytest.raises(ValueError, match=r'channels=\(8,\), strides=\(\), expected one of each'):
        SpikeBackbone(channels=(8,), strides=())


@variants
@pytest.mark.parametrize('shape', [(2, 1, 32, 32), (3, 32, 32)])
def test_wrong_inputs_are_told(variant: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match='expected images'):
        build(variant)(torch.zeros(shape, dtype=torch.float64))


@variants
def test_another_number_of_channels_of_the_image(variant: str) -> None:
    model = MODELS.build({**VARIANTS[variant], 'in_channels': 1})
    assert isinstance(model, nn.Module) and model.in_channels == 1
    assert model(torch.randn(1, 1, 32, 32))[0].dim() == 5
