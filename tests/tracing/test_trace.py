"""What a trace says of nets that are small enough to count by hand."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikedense.models.backbones import SDTV3
from spikedense.models.layers import sine_positions
from spikedense.neurons import build_neuron
from spikedense.tracing import Constant, Operation, OperationTrace, Real, Spikes, trace_network

#: Its input's first axis is no time here, so that what it emits is known at once.
NEURON = dict(type='NILIF', D=4, stateful=False)


class Net(nn.Module):
    """A neuron, and what is done with its spikes."""

    def __init__(
        self,
        read: Callable[..., Tensor],
        layer: nn.Module | None = None,
        neurons: int = 1,
        **cfg: Any,
    ) -> None:
        super().__init__()
        self.neurons = nn.ModuleList(build_neuron(cfg or NEURON) for _ in range(neurons))
        self.layer = layer or nn.Identity()
        self.read = read

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(self.read(*(neuron(x) for neuron in self.neurons)))


def traced(model: nn.Module, x: Tensor) -> OperationTrace:
    return trace_network(model.double().eval(), x)


def only(trace: OperationTrace) -> Operation:
    """The one sum of products of a trace."""
    (operation,) = trace.operations.contractions
    return operation


def currents(*shape: int) -> Tensor:
    return 5 * torch.rand(*shape, dtype=torch.float64) - 0.5


def counted(x: Tensor, D: int = 4) -> Tensor:
    """What the neuron emits, as integers."""
    return x.round().clamp(0, D)


MOVES = {
    'view': lambda s: s.view(2, 16, 3),
    'permute': lambda s: s.permute(0, 2, 3, 1),
    'contiguous': lambda s: s.transpose(1, 2).contiguous(),
    'flatten and unflatten': lambda s: s.flatten(1).unflatten(1, (4, 12)),
    'cat': lambda s: torch.cat([s, s.flip(0)], 1),
    'stack': lambda s: torch.stack([s, s]),
    'index': lambda s: s[:, torch.tensor([1, 0]), 1:],
    'expand': lambda s: s[:, :1].expand(-1, 5, -1, -1),
    'pad': lambda s: F.pad(s, (1, 1)),
    'pooling of maxima': lambda s: F.max_pool2d(s, 2),
    'nearest neighbours': lambda s: F.interpolate(s, scale_factor=2),
    'clone': lambda s: s.clone().detach(),
}
MIXES = {
    'add': lambda s: s + 1,
    'scale': lambda s: 0.5 * s,
    'join with a weight': lambda s: torch.cat([s, torch.full_like(s, 0.3) + s]),
    'sum': lambda s: s.sum(1),
    'mean': lambda s: s.mean(1),
    'pooling of means': lambda s: F.avg_pool2d(s, 2),
    'sigmoid': lambda s: s.sigmoid(),
}


@pytest.mark.parametrize('what', MOVES)
def test_moved_spikes_stay_spikes(what: str) -> None:
    trace = traced(Net(MOVES[what], nn.Sequential()), currents(2, 4, 4, 3))
    (value,) = trace.inputs['layer']
    assert isinstance(value, Spikes)
    assert (value.neuron, value.D, value.norm) == ('neurons.0', 4, 4.0)
    assert 'neurons.0' not in trace.readers


@pytest.mark.parametrize('what', MIXES)
def test_what_is_computed_of_spikes_is_real(what: str) -> None:
    trace = traced(Net(MIXES[what], nn.Sequential()), currents(2, 4, 4, 3))
    (value,) = trace.inputs['layer']
    assert isinstance(value, Real) and value.upstream is not None
    assert value.upstream.neuron == 'neurons.0'
    assert {place for place, _ in trace.readers['neurons.0']} == {''}


def test_a_neurons_mean_and_share_of_zeros_are_noted() -> None:
    x = currents(2, 3, 4, 5)
    (value,) = traced(Net(lambda s: s, nn.Sequential()), x).inputs['layer']
    counts = counted(x)
    assert isinstance(value, Spikes)
    assert value.mean == pytest.approx(counts.mean().item())
    assert value.zeros == pytest.approx((counts == 0).double().mean().item())
    assert 0 < value.zeros < 1


def test_spikes_of_two_grids_joined_are_real() -> None:
    model = Net(lambda s, r: torch.cat([s, r]), nn.Sequential(), neurons=2)
    assert isinstance(traced(model, currents(1, 2, 3)).inputs['layer'][0], Spikes)
    model.neurons[1] = build_neuron(dict(type='NILIF', D=2, stateful=False))
    assert isinstance(traced(model, currents(1, 2, 3)).inputs['layer'][0], Real)


def two_neurons(read: Callable[..., Tensor], *cfgs: dict[str, Any], **layer: Any) -> Net:
    """A net whose layer reads what is made of the spikes of two neurons."""
    model = Net(read, layer.get('layer') or nn.Sequential(), neurons=2)
    model.neurons = nn.ModuleList(build_neuron(dict(cfg, stateful=False)) for cfg in cfgs)
    return model


SUMS = {
    'binary': (dict(type='IF'), dict(type='IF'), 2),
    'integers': (dict(type='NILIF', D=4), dict(type='NILIF', D=2, norm=4), 6),
    'a neuron and itself': (dict(type='ILIF', D=3), dict(type='ILIF', D=3), 6),
}


@pytest.mark.parametrize('what', SUMS)
@pytest.mark.parametrize('in_place', [False, True])
def test_a_sum_of_spikes_is_an_integer_up_to_both(what: str, in_place: bool) -> None:
    first, second, D = SUMS[what]
    add = (lambda s, r: s.clone().add_(r)) if in_place else (lambda s, r: s + r)
    layer = nn.Conv2d(4, 6, 3)
    model, x = two_neurons(add, first, second, layer=layer), currents(2, 4, 5, 6)
    trace = traced(model, x)
    (value,) = trace.inputs['layer']
    assert isinstance(value, Spikes)
    assert (value.neurons, value.D) == (('neurons.0', 'neurons.1'), D)
    assert value.norm == model.neurons[0].scale
    counts = (model.neurons[0](x) + model.neurons[1](x)) * value.norm
    assert counts.max() > 1 and torch.equal(counts, counts.round())
    assert value.mean == pytest.approx(counts.mean().item())
    operation = only(trace)
    meets = F.conv2d(counts, torch.ones_like(layer.weight))
    assert operation.synaptic == pytest.approx(meets.sum().item())
    for neuron in value.neurons:  # each is told to be read by the sum
        assert {name for _, name in trace.readers[neuron]} >= {'add_' if in_place else 'add'}


@pytest.mark.parametrize(
    ('read', 'second'),
    [
        (lambda s, r: s + r, dict(type='NILIF', D=2)),  # quarters and halves
        (lambda s, r: s - r, dict(type='NILIF', D=4)),  # may be negative
        (lambda s, r: torch.add(s, r, alpha=0.5), dict(type='NILIF', D=4)),
        (lambda s, r: torch.add(s, r, alpha=2), dict(type='NILIF', D=4)),
    ],
)
def test_other_sums_of_spikes_are_real(read: Callable[..., Tensor], second: dict) -> None:
    trace = traced(two_neurons(read, dict(type='NILIF', D=4), second), currents(2, 4, 3))
    assert isinstance(trace.inputs['layer'][0], Real)


@pytest.mark.parametrize('what', SUMS)
def test_a_product_of_spikes_is_an_integer_up_to_the_product(what: str) -> None:
    first, second, _ = SUMS[what]
    layer = nn.Conv2d(4, 6, 3)
    model, x = two_neurons(lambda s, r: s * r, first, second, layer=layer), currents(2, 4, 5, 6)
    trace = traced(model, x)
    (value,) = trace.inputs['layer']
    assert isinstance(value, Spikes)
    a, b = model.neurons
    assert (value.neurons, value.D) == (('neurons.0', 'neurons.1'), a.D * b.D)
    assert value.norm == a.scale * b.scale
    counts = a(x) * b(x) * value.norm
    assert counts.max() > 0 and torch.equal(counts, counts.round())
    assert value.mean == pytest.approx(counts.mean().item())
    meets = F.conv2d(counts, torch.ones_like(layer.weight))
    assert only(trace).synaptic == pytest.approx(meets.sum().item())
    (product,) = (op for op in trace.operations if op.name == 'mul' and not op.inside_neuron)
    assert product.macs == x.numel() and len(product.spikes) == 2 and not product.contraction
    for neuron in value.neurons:  # each is told to be read by the product
        assert {name for _, name in trace.readers[neuron]} >= {'mul'}


def test_a_product_of_spikes_of_two_scales_is_an_integer_too() -> None:
    cfgs = dict(type='NILIF', D=4), dict(type='NILIF', D=2)
    model, x = two_neurons(lambda s, r: s * r, *cfgs), currents(2, 4, 3)
    (value,) = traced(model, x).inputs['layer']
    assert isinstance(value, Spikes) and (value.D, value.norm) == (8, 8.0)


@pytest.mark.parametrize('dim', [None, 1, (0, 2)])
def test_a_sum_of_spikes_along_axes_is_an_addition_for_each_spike(dim: Any) -> None:
    x = currents(2, 4, 5)
    trace = traced(Net(lambda s: s.sum(dim) if dim is not None else s.sum()), x)
    (operation,) = (op for op in trace.operations if not op.inside_neuron)
    spikes = counted(x).sum().item()
    assert (operation.name, operation.macs, operation.weights) == ('sum', x.numel(), 0)
    assert operation.synaptic == operation.single == operation.product == pytest.approx(spikes)
    assert operation.nonzero == (counted(x) > 0).sum().item()
    assert operation.spike_inputs == operation.inputs == x.numel()
    assert not operation.contraction and not operation.multiplies_reals


def test_a_sum_of_membranes_is_no_operation() -> None:
    trace = traced(Net(lambda s: (s + 0.3).sum(1)), currents(2, 4, 5))
    assert all(op.inside_neuron for op in trace.operations)


def test_spikes_side_by_side_name_all_their_neurons() -> None:
    cfg = dict(type='NILIF', D=4)
    trace = traced(two_neurons(lambda s, r: torch.cat([s, r], 1), cfg, cfg), currents(2, 4, 3))
    (value,) = trace.inputs['layer']
    assert isinstance(value, Spikes) and value.neurons == ('neurons.0', 'neurons.1')


def test_steps_of_a_clip_are_no_images() -> None:
    model = SDTV3(dict(embed_dims=(8, 16, 16, 16), depths=(1, 1, 0, 0, 0), num_heads=4), T=3)
    image = torch.randn(2, 3, 32, 32, dtype=torch.float64)
    still = traced(model, image)
    clip = traced(model, image.expand(5, -1, -1, -1, -1))
    assert (still.images, still.steps) == (2, 3)
    assert (clip.images, clip.steps) == (2, 5)
    (stem,) = (op for op in clip.operations if op.on_pixels and op.contraction)
    (once,) = (op for op in still.operations if op.on_pixels and op.contraction)
    assert (stem.repeats, once.repeats) == (5, 1)
    assert stem.macs == 5 * once.macs


def test_pixels_are_real_and_what_does_not_depend_on_them_is_constant() -> None:
    class Positioned(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.pixels, self.positions = nn.Sequential(), nn.Conv2d(4, 4, 1)

        def forward(self, x: Tensor) -> Tensor:
            places = sine_positions(self.pixels(x)[None])
            return self.positions(places[None]) * torch.ones_like(x).sigmoid()

    trace = traced(Positioned(), torch.randn(2, 4, 5, 6, dtype=torch.float64))
    assert trace.inputs['pixels'] == (Real(None),)
    assert isinstance(trace.inputs['positions'][0], Constant)
    assert len(trace.operations) == 0
    assert trace.operations.images == 2


def test_products_with_pixels_are_told_from_those_further_up() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), Net(lambda s: s + 1))
    model.append(nn.Conv2d(4, 2, 1))
    trace = traced(model, torch.randn(1, 3, 4, 4, dtype=torch.float64))
    found = {op.module: op.on_pixels for op in trace.operations.contractions}
    assert found == {'0': True, '1': True, '3': False}
    assert all(op.multiplies_reals for op in trace.operations.contractions)


CONVOLUTIONS = [
    dict(kernel_size=1),
    dict(kernel_size=3, padding=1),
    dict(kernel_size=3, stride=2, padding=1),
    dict(kernel_size=(3, 5), stride=(2, 1), padding=(0, 2), dilation=(2, 1)),
    dict(kernel_size=3, padding=1, groups=2),
    dict(kernel_size=5, padding=2, groups=4),
    dict(kernel_size=7, stride=3, padding=3, dilation=2),
    dict(kernel_size=2, stride=4),
]


@pytest.mark.parametrize('how', CONVOLUTIONS, ids=str)
def test_a_convolutions_operations(how: dict) -> None:
    layer, x = nn.Conv2d(4, 8, **how), currents(2, 4, 13, 14)
    operation = only(traced(Net(lambda s: s, layer), x))
    counts, groups = counted(x), how.get('groups', 1)
    outputs = layer(counts).numel()
    kernel = layer.kernel_size[0] * layer.kernel_size[1]
    assert operation.macs == outputs * kernel * 4 // groups
    # Each place of each output channel adds up the spikes under its kernel.
    ones = torch.ones_like(layer.weight)
    meets = F.conv2d(counts, ones, None, layer.stride, layer.padding, layer.dilation, layer.groups)
    assert operation.synaptic == pytest.approx(meets.sum().item())
    assert operation.product == operation.synaptic
    assert operation.single == pytest.approx(operation.macs * counts.mean().item())
    share = (counts > 0).double().mean().item()
    assert operation.nonzero == pytest.approx(operation.macs * share)
    assert (operation.name, operation.module) == ('convolution', 'layer')
    assert (operation.weights, operation.inputs) == (ones.numel(), x.numel())
    assert (operation.outputs, operation.calls) == (outputs, 1)


@pytest.mark.parametrize(
    'how',
    [
        dict(kernel_size=2, stride=2),
        dict(kernel_size=4, stride=2),
        dict(kernel_size=3, stride=1),
        dict(kernel_size=3, stride=2, groups=2),
    ],
    ids=str,
)
def test_a_transposed_convolutions_operations(how: dict) -> None:
    layer, x = nn.ConvTranspose2d(4, 6, **how), currents(2, 4, 5, 6)
    operation = only(traced(Net(lambda s: s, layer), x))
    counts = counted(x)
    ones = torch.ones_like(layer.weight)
    meets = F.conv_transpose2d(counts, ones, None, layer.stride, groups=layer.groups)
    assert operation.synaptic == pytest.approx(meets.sum().item())
    kernel, groups = layer.kernel_size[0] ** 2, how.get('groups', 1)
    assert operation.macs == x.numel() * kernel * 6 // groups


@pytest.mark.parametrize('shape', [(5, 7), (2, 5, 7)])
@pytest.mark.parametrize('bias', [True, False])
def test_a_linear_layers_operations(shape: tuple[int, ...], bias: bool) -> None:
    x = currents(1, *shape)
    operation = only(traced(Net(lambda s: s[0], nn.Linear(7, 3, bias=bias)), x))
    assert operation.macs == x.numel() * 3
    assert operation.synaptic == pytest.approx(counted(x).sum().item() * 3)
    assert operation.name in ('mm', 'addmm')


def two_factors(first: bool, second: bool) -> Net:
    """``[N, 5, 7] x [N, 7, 4]``, each factor spikes or real."""

    def read(s: Tensor, r: Tensor) -> Tensor:
        a, b = s[0][..., :5].transpose(1, 2), r[0][..., 5:]
        return (a if first else a + 1) @ (b if second else b + 1)

    return Net(read, neurons=2)


@pytest.mark.parametrize(('first', 'second'), [(True, True), (True, False), (False, True)])
def test_operations_of_a_product_of_activations(first: bool, second: bool) -> None:
    x = currents(1, 3, 7, 9)
    operation = only(traced(two_factors(first, second), x))
    a, b = counted(x)[0, ..., :5].transpose(1, 2), counted(x)[0, ..., 5:]
    assert operation.macs == 3 * 5 * 7 * 4
    fan_out = b.sum() * 5 if second else a.sum() * 4
    assert operation.synaptic == pytest.approx(fan_out.item())
    # Where both are spikes, each pair of them meets.
    pairs = (a @ b).sum().item() if first and second else operation.synaptic
    assert operation.product == pytest.approx(pairs)
    assert len(operation.spikes) == first + second


def test_real_factors_are_charged_to_the_neuron_above() -> None:
    x = currents(1, 3, 7, 9)
    operation = only(traced(two_factors(False, False), x))
    assert operation.multiplies_reals and operation.synaptic == operation.single == 0
    assert operation.upstream == pytest.approx(operation.macs * counted(x).mean().item())


def test_calls_at_one_place_add_up() -> None:
    model = Net(lambda s: s, nn.Conv2d(4, 8, 1))
    once, twice = currents(1, 4, 5, 6), currents(3, 4, 5, 6)
    trace = OperationTrace(model.double().eval())
    with torch.no_grad(), trace:
        model(trace.feed(once))
        model(trace.feed(twice))
    operation = only(trace)
    assert operation.calls == 2 and operation.macs == 4 * 30 * 4 * 8
    spikes = counted(once).sum() + counted(twice).sum()
    assert operation.synaptic == pytest.approx(spikes.item() * 8)
    assert trace.images == 4


def test_a_neurons_own_dynamics_are_marked() -> None:
    layer = nn.Conv2d(4, 8, 1)
    x = currents(3, 2, 4, 5, 6)
    trace = traced(Net(lambda s: s.flatten(0, 1), layer, type='NILIF', D=4), x)
    inside = {op.name for op in trace.operations if op.inside_neuron}
    assert 'mul' in inside, 'the leak of the membrane'
    assert [op.module for op in trace.operations if not op.inside_neuron] == ['layer']


def test_nothing_is_seen_while_paused() -> None:
    model = nn.Conv2d(3, 4, 1).eval()
    trace = OperationTrace(model)
    x = torch.randn(1, 3, 4, 4)
    with trace, trace.paused():
        y = model(trace.feed(x))
        assert trace.value_of(x) == Real() and isinstance(trace.value_of(y), Constant)
    assert len(trace.operations) == 0
    with trace:
        model(x)
        with pytest.raises(RuntimeError, match='within'), trace.paused():
            raise RuntimeError('within')
        model(x)
    assert only(trace).calls == 2, 'an error within does not leave it paused'


def fail(x: Tensor) -> Tensor:
    raise RuntimeError('in the model')


@pytest.mark.parametrize('read', [lambda s: s, fail])
def test_no_hook_outlives_the_trace(read: Any) -> None:
    model = Net(read, nn.Conv2d(4, 8, 1)).eval()
    trace = OperationTrace(model)
    x = torch.rand(1, 4, 5, 6)
    try:
        with trace:
            model(trace.feed(x))
    except RuntimeError as error:
        assert str(error) == 'in the model'
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert trace._stack == []
    before = len(trace.operations)
    model.read = lambda s: s
    model(x)
    assert len(trace.operations) == before, 'it watches no longer'


def test_no_tensor_is_kept_alive() -> None:
    made: list[weakref.ref] = []

    def read(s: Tensor) -> Tensor:
        y = s.flatten(1) + 1
        made.extend([weakref.ref(s), weakref.ref(y)])
        return y

    model = Net(read).eval()
    trace = OperationTrace(model)
    x = torch.rand(1, 4, 5, 6)
    with torch.no_grad(), trace:
        out = model(trace.feed(x))
        made.append(weakref.ref(x))
        del out, x
        gc.collect()
        assert [ref() for ref in made] == [None] * 3
    assert len(trace.readers) == 1


@pytest.mark.parametrize(
    ('stride', 'padding', 'output_padding', 'dilation', 'groups'),
    [(2, 1, 1, 1, 1), (2, 1, 0, 2, 3), (3, 2, 0, 1, 1)],
)
def test_transposed_convolutions_lose_taps_at_the_border(
    stride: int, padding: int, output_padding: int, dilation: int, groups: int
) -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.neuron = build_neuron(dict(type='ILIF', D=4))
            self.deconv = nn.ConvTranspose2d(
                3, 6, 3, stride, padding, output_padding, groups, dilation=dilation
            )

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.deconv(self.neuron(x[None])[0])

    net, x = Net(), 4 * torch.rand(2, 3, 5, 7)
    (op,) = trace_network(net, x).operations.contractions
    with torch.no_grad():
        counts = net.neuron(x[None])[0]
        nn.init.ones_(net.deconv.weight)
        nn.init.zeros_(net.deconv.bias)
        assert op.synaptic == net.deconv(counts).sum().item() > 0


def test_spikes_as_a_kernel_are_counted() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.neuron = build_neuron(dict(type='ILIF', D=4))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.conv2d(x, self.neuron(x[None])[0][:, :, :3, :3])

    net, x = Net(), 4 * torch.rand(1, 2, 6, 8)
    (op,) = trace_network(net, x).operations.contractions
    kernel = net.neuron(x[None])[0][:, :, :3, :3]
    assert op.synaptic == kernel.sum().item() * 4 * 6
