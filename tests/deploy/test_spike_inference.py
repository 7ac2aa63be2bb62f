"""The spike-driven twin: its parts one by one, and proof that a wrong one would be noticed."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from contract import wake
from reduced_models import IMAGE_SIZE, build_model, reduced_config
from spike_driven import BOXES, assert_same_answers, assert_same_step_by_step
from torch import Tensor, nn

from spikedense.deploy import to_spike_inference
from spikedense.deploy.twins import (
    AccumulatedTotal,
    AccumulatingLayer,
    AccumulatingSynapse,
    PairedSpikes,
    SpikeAttentionProduct,
    SpikeDeformSample,
    SpikeMaskProduct,
    SpikeTrain,
    layers,
)
from spikedense.deploy.twins.planes import planes_of
from spikedense.models.decode_heads.spike2former_base import MaskProduct
from spikedense.models.layers import (
    AttentionProduct,
    DeformSample,
    SpikeConv,
    SpikeProduct,
    SpikeTotal,
    over_time,
)
from spikedense.models.layers.mask_embed import DirectSynapse
from spikedense.neurons import build_neuron
from spikedense.utils.config_path import config_root

CFG: dict[str, Any] = dict(neuron_cfg=dict(type='NILIF', D=4), norm_cfg=dict(type='BN'))


def integers(*shape: int, D: int) -> Tensor:
    return torch.randint(D + 1, shape).double()


def planes(counts: Tensor, D: int) -> Tensor:
    """``[N, ...] -> [N * D, ...]``: the first n of D rows spike."""
    return torch.stack([(counts > d).double() for d in range(D)], 1).flatten(0, 1)


LAYERS: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    'convolution': (lambda: nn.Conv2d(4, 6, 3, 2, 1, groups=2), (3, 4, 5, 6)),
    'without bias': (lambda: nn.Conv2d(4, 6, 1, bias=False), (3, 4, 5, 6)),
    'transposed': (lambda: nn.ConvTranspose2d(4, 6, 2, 2), (3, 4, 5, 6)),
    'linear on vectors': (lambda: nn.Linear(4, 6), (3, 4)),
    'linear on tokens': (lambda: nn.Linear(4, 6), (3, 5, 4)),
    # Had it the same length as the tokens, the bias could go to the wrong axis unnoticed.
    'linear on square tokens': (lambda: nn.Linear(4, 6), (3, 6, 4)),
    'linear on maps': (lambda: nn.Linear(4, 6), (3, 6, 6, 4)),
}


@pytest.mark.parametrize('what', LAYERS)
@pytest.mark.parametrize('D', [1, 4, 8])
@torch.no_grad()
def test_a_layer_adds_up_spikes_and_its_bias_once(what: str, D: int) -> None:
    make, shape = LAYERS[what]
    layer, counts = make().double(), integers(*shape, D=D)
    expected = layer(counts)
    bias = layer.bias
    twin = AccumulatingLayer(layer, (D,))
    torch.testing.assert_close(twin(planes(counts, D)), expected)
    layer.weight.zero_()
    if bias is not None:
        silent = twin(planes(counts, D))
        axis = -1 if isinstance(layer, nn.Linear) else 1
        assert torch.equal(silent.movedim(axis, -1), bias.expand(silent.movedim(axis, -1).shape))


def test_a_synapse_adds_up_spikes() -> None:
    counts = integers(3, 5, 4, D=4)
    twin, weight = AccumulatingSynapse(DirectSynapse(), (4,)), torch.tensor([0.5]).double()
    assert torch.equal(twin(planes(counts, 4), weight), 0.5 * counts)


@pytest.mark.parametrize('steps', [1, 3])
def test_a_train_sends_an_integers_first_spikes_images_apart(steps: int) -> None:
    neuron = build_neuron(dict(type='ILIF', D=3)).eval()
    currents = 4 * torch.rand(steps, 2, 5, dtype=torch.float64)
    counts, sent = neuron(currents), SpikeTrain(neuron).eval()(currents)
    assert sent.shape == (steps, 2 * 3, 5) and sent.dtype == currents.dtype
    assert counts.unique().numel() > 2
    for image in range(2):
        for level in range(3):
            row = sent[:, image * 3 + level]
            assert torch.equal(row, (counts[:, image] > level).double())


@pytest.mark.parametrize('order', ['linear', 'quadratic'])
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('levels', [(2, 3, 4), (1, 4, 1), (4, 1, 2)])
def test_attention_multiplies_integers_by_spikes(
    order: str, masked: bool, levels: tuple[int, int, int]
) -> None:
    q, k, v = (
        integers(3, 2, d, n, D=D) for d, n, D in zip((4, 4, 6), (5, 7, 7), levels, strict=True)
    )
    mask = torch.rand(3, 1, 7, 5) > 0.5 if masked else None
    product = AttentionProduct(0.3, order)
    twin = SpikeAttentionProduct(product, levels)
    sent = [planes(x, D) for x, D in zip((q, k, v), levels, strict=True)]
    torch.testing.assert_close(twin(*sent, mask), product(q, k, v, mask))


@pytest.mark.parametrize('levels', [(4, 1), (1, 3), (2, 3)])
@pytest.mark.parametrize('shape', [(3, 2, 4, 1), (3, 2, 1, 5)], ids=['channels', 'tokens'])
def test_a_product_pairs_the_spikes_of_both_factors(
    levels: tuple[int, int], shape: tuple[int, ...]
) -> None:
    counts, gate = integers(3, 2, 4, 5, D=levels[0]), integers(*shape, D=levels[1])
    pairs = PairedSpikes(SpikeProduct(), levels)(planes(counts, levels[0]), planes(gate, levels[1]))
    assert set(pairs.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(planes_of(pairs, levels[0] * levels[1]).sum(1), counts * gate)


@pytest.mark.parametrize('axis', [-1, 2])
def test_a_total_adds_up_the_spikes_of_all_steps(axis: int) -> None:
    counts = integers(3, 2, 4, 5, D=4)
    twin = AccumulatedTotal(SpikeTotal(axis, 0.5), (4,))
    assert torch.equal(twin(planes(counts, 4)), 0.5 * counts.sum(axis, keepdim=True))


@pytest.mark.parametrize('spiked', ['value', 'weight', 'both'])
def test_deformable_sampling_takes_either_factor_as_spikes(spiked: str) -> None:
    D = 3
    value = torch.randn(2, 8, 5, 6, dtype=torch.float64)
    weight = torch.randn(2, 4, 9, 5, 6, dtype=torch.float64)
    offset = 2 * torch.randn(2, 4, 9, 2, 5, 6, dtype=torch.float64)
    if spiked != 'weight':
        value = integers(*value.shape, D=D)
    if spiked != 'value':
        weight = integers(*weight.shape, D=D)
    sample = DeformSample(3)
    value_levels, weight_levels = (1 if spiked == x else D for x in ('weight', 'value'))
    twin = SpikeDeformSample(sample, (value_levels, 1, weight_levels))
    sent = planes(value, D) if value_levels > 1 else value
    weights = planes(weight, D) if weight_levels > 1 else weight
    torch.testing.assert_close(twin(sent, offset, weights), sample(value, offset, weight))


@pytest.mark.parametrize('states', [1, 3])
@pytest.mark.parametrize('steps', [1, 2])
def test_masks_add_up_the_spikes_of_embeddings(states: int, steps: int) -> None:
    D, batch = 4, 2
    embedding = integers(steps, states * batch, 5, 6, D=D)
    features = torch.randn(steps, batch, 6, 3, 4, dtype=torch.float64)
    sent = torch.stack([planes(x, D) for x in embedding])
    twin = SpikeMaskProduct(MaskProduct(), (D, 1))
    expected = MaskProduct()(embedding, features)
    assert expected.shape == (states, batch, 5, 3, 4)
    torch.testing.assert_close(twin(sent, features), expected)


class Net(nn.Module):
    """Stem, a spiking layer, and what a user puts behind its neuron."""

    def __init__(self, read: Callable[[Tensor], Tensor], **cfg: Any) -> None:
        super().__init__()
        self.stem = SpikeConv(3, 4, 3, norm_cfg=dict(type='BN'))
        self.neuron = build_neuron(cfg or CFG['neuron_cfg'])
        self.layer = SpikeConv(4, 4, 3)
        self.read = read

    def forward(self, x: Tensor) -> Tensor:
        spikes = self.neuron(3 * self.stem(x[None]))
        return self.layer(spikes)[0] + self.read(spikes)[0]


@pytest.mark.parametrize(
    ('read', 'operation'),
    [
        (lambda s: s.square(), 'pow'),
        (lambda s: s + 1, 'add'),
        (lambda s: s.mean((3, 4), keepdim=True), 'mean'),
        (lambda s: F.avg_pool2d(s.flatten(0, 1), 3, 1, 1)[None], 'avg_pool2d'),
    ],
)
def test_an_operation_that_the_twin_does_not_know_is_named(read: Any, operation: str) -> None:
    with pytest.raises(
        ValueError,
        match=rf"'' \(Net\) reads the spikes of 'neuron' by '{operation}' and has no",
    ):
        to_spike_inference(Net(read).eval())


@pytest.mark.parametrize(
    'neuron_cfg', [dict(type='NILIF', D=4), dict(type='LIF'), dict(type='NILIF', D=1, norm=3)]
)
def test_spikes_may_be_moved_and_joined(neuron_cfg: dict) -> None:
    model = Net(lambda spikes: torch.zeros(1), **neuron_cfg).double().eval()
    model.layer = Moving(model.layer)
    images = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    twin, _ = to_spike_inference(model, images)
    torch.testing.assert_close(twin(images), model(images))


class Moving(nn.Module):
    """Shifts spikes by a pixel before a layer reads them."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(torch.cat([x[..., 1:], x[..., :1]], -1).flip(-2).contiguous())


def reduced(name: str) -> tuple[nn.Module, Tensor]:
    """A demo model, awake, and an image."""
    x = torch.randn(1, 3, *IMAGE_SIZE, dtype=torch.float64)
    model = build_model(reduced_config(str(config_root() / name))).double()
    return wake(model, x), x


FPN = 'sdt_v3/fpn_sdtv3-demo_1xb8-300i_demo-128x128.py'
SPIKE2FORMER = 'spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py'


def test_the_model_itself_is_not_touched() -> None:
    model, x = reduced(FPN)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    text, answer = repr(model), model(x)
    twin, _ = to_spike_inference(model.train(), x)
    assert model.training and not twin.training
    assert {n: id(p) for n, p in model.named_parameters()}.items().isdisjoint(
        {n: id(p) for n, p in twin.named_parameters()}.items()
    )
    assert repr(model.eval()) == text and torch.equal(model(x), answer)
    after = model.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())
    hooks = [m for m in model.modules() if m._forward_hooks or m._forward_pre_hooks]
    assert hooks == []


def mean(x: Tensor, levels: int) -> Tensor:
    return planes_of(x, levels).mean(1)


def last(x: Tensor, levels: int) -> Tensor:
    return planes_of(x, levels)[:, -1]


def images_fastest(x: Tensor, levels: int) -> Tensor:
    return x.unflatten(0, (levels, x.size(0) // levels)).sum(0)


@pytest.mark.parametrize('wrong', [mean, last, images_fastest])
def test_a_wrong_accumulation_is_noticed(wrong: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = reduced(FPN)
    x = torch.cat([x, x.flip(-1).roll(1, 1)])
    twin, _ = to_spike_inference(model, x)
    assert_same_answers(model, twin, x)
    monkeypatch.setattr(layers, 'accumulate', wrong)
    with pytest.raises(AssertionError):
        assert_same_answers(model, twin, x)


def test_a_bias_at_each_virtual_step_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = reduced(FPN)
    twin, _ = to_spike_inference(model, x)
    original = AccumulatingLayer.forward

    def forward(self: Any, x: Tensor) -> Tensor:
        y = original(self, x)
        silent = original(self, torch.zeros_like(x))
        return y + (self.levels - 1) * silent

    monkeypatch.setattr(AccumulatingLayer, 'forward', forward)
    with pytest.raises(AssertionError):
        assert_same_answers(model, twin, x)


def scaled_product(twin: Any) -> None:
    for module in twin.modules():
        if isinstance(module, SpikeAttentionProduct):
            module.scale = 1.01


def shifted_threshold(twin: Any) -> None:
    thresholds = twin.decode_head.mask_embed.neuron1.neuron.thresholds
    thresholds[0] += 0.5


def missing_level(twin: Any) -> None:
    twin.decode_head.mask_embed.out_neuron.neuron.thresholds.pop()


def weight_of_a_synapse(twin: Any) -> None:
    with torch.no_grad():
        twin.decode_head.cls_embed.weight.mul_(1 + 1e-7)


@pytest.mark.parametrize(
    'spoil', [scaled_product, shifted_threshold, missing_level, weight_of_a_synapse]
)
def test_a_wrong_conversion_is_noticed(spoil: Callable[[Any], None]) -> None:
    model, x = reduced(SPIKE2FORMER)
    twin, _ = to_spike_inference(model, x, boxes=BOXES)
    assert_same_answers(model, twin, x)
    spoil(twin)
    with pytest.raises(AssertionError):
        assert_same_answers(model, twin, x)


def shifted_bias(twin: Any) -> None:
    with torch.no_grad():
        twin.backbone.stages[3].blocks[0].branches['mlp'].narrow.conv.bias.add_(0.02)


def moved_threshold(twin: Any) -> None:
    twin.backbone.stages[3].blocks[0].branches['mlp'].narrow.neuron.neuron.thresholds[1] += 0.2


@pytest.mark.parametrize('spoil', [shifted_bias, moved_threshold])
def test_a_wrong_conversion_is_noticed_in_float32(spoil: Callable[[Any], None]) -> None:
    model, x = reduced(SPIKE2FORMER)
    twin, _ = to_spike_inference(model.float(), x.float(), boxes=BOXES)
    assert_same_step_by_step(model, twin, x.float())
    spoil(twin)
    with pytest.raises(AssertionError):
        assert_same_step_by_step(model, twin, x.float())


def test_the_twin_of_a_float32_model_is_made_in_float64() -> None:
    model, x = reduced(SPIKE2FORMER)
    model, x = model.float(), x.float()
    twin, foldings = to_spike_inference(model, x, boxes=BOXES)
    exact, same = to_spike_inference(copy.deepcopy(model).double(), x.double(), boxes=BOXES)
    assert foldings == same
    expected = exact.float().state_dict()
    assert {value.dtype for value in twin.parameters()} == {torch.float32}
    assert list(twin.state_dict()) == list(expected)
    for key, value in twin.state_dict().items():
        assert torch.equal(value, expected[key]), key


class _Fed(nn.Module):
    """A layer that two neurons feed in turn, of which only one may be converted."""

    def __init__(self, second: dict) -> None:
        super().__init__()
        self.first = build_neuron(dict(type='NILIF', D=4))
        self.second = build_neuron(second)
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = 3 * x.unsqueeze(0)
        return over_time(self.conv, self.first(x)) + over_time(self.conv, self.second(x))


class _Returned(_Fed):
    """Spikes that leave the model."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.second(over_time(self.conv, self.first(3 * x.unsqueeze(0))))


@pytest.mark.parametrize(
    'model',
    [
        _Fed(dict(type='NILIF', D=4, norm=2)),
        _Fed(dict(type='NILIF', D=2)),
        _Returned(dict(type='NILIF', D=4)),
    ],
    ids=['two norms', 'two D', 'spikes returned'],
)
def test_what_cannot_be_converted_is_refused_not_wrong(model: nn.Module) -> None:
    with pytest.raises(ValueError, match='uses spikes in a way that cannot be converted'):
        to_spike_inference(model)


def test_a_shared_layer_of_like_neurons_is_converted() -> None:
    model = _Fed(dict(type='NILIF', D=4)).double()
    x = torch.rand(2, 3, 8, 8, dtype=torch.float64)
    twin, _ = to_spike_inference(model, x)
    torch.testing.assert_close(twin(x), model(x))
