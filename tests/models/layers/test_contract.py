"""What every mixer and every layer promises. A new mixer is one line in ``MIXERS``."""

import copy
from typing import Any

import pytest
import torch
from contract import real_valued_inputs, unexplained, wake
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from spikedense.deploy import fold, to_spike_inference
from spikedense.models.layers import (
    SpikeBlock,
    SpikeConv,
    SpikeDeconv,
    SpikeLinear,
    SpikeMultiheadAttention,
    SpikeRepConv,
    build_mixer,
    out_layer,
    scale_output,
)
from spikedense.models.pixel_decoders.sdte import PositionedSelfAttention
from spikedense.neurons import BaseNeuron, WeightedNeuron, build_neuron
from spikedense.registry import MODELS
from spikedense.tracing import trace_network
from spikedense.utils.answers import Folding, Unfoldable, ask

CHANNELS = 8
NEURON = dict(type='NILIF', D=4)
CFG: dict[str, Any] = dict(neuron_cfg=NEURON, norm_cfg=dict(type='BN'))

#: A gate of integers; without state, because it does not follow the state of the other neurons.
INTEGER_GATE = dict(type='NILIF', stateful=False)

#: Mixers, ``[T, B, C, H, W] -> [T, B, C, H, W]``, by their configs.
MIXERS: dict[str, dict[str, Any]] = {
    'separable convolution': dict(type='SpikeSeparableConv', kernel_size=3),
    'separable convolution of V2': dict(
        type='SpikeSeparableConv', kernel_size=5, mid_neuron=False, expansion=1
    ),
    'depth-wise convolution': dict(type='SpikeDepthwiseConv', kernel_size=3),
    'ConvNeXt block': dict(type='SpikeConvNeXt', ratio=2),
    'channel convolution': dict(type='ChannelConv', ratio=2),
    'channel MLP': dict(type='ChannelMLP', ratio=2),
    'MLPixer splash': dict(type='MLPixer', ratio=2),
    'MLPixer splash with norms': dict(type='MLPixer', ratio=2, norm='bn'),
    'MLPixer pointwise': dict(type='MLPixer', ratio=2, layout='pointwise', norm='bn'),
    'SRB splash': dict(type='SRB', ratio=2),
    'SRB splash with norms': dict(type='SRB', ratio=2, norm='bn'),
    'SRB splash, convolution first': dict(type='SRB', ratio=2, order='conv_mlp'),
    'SRB pointwise': dict(type='SRB', ratio=2, layout='pointwise', norm='bn'),
    'SRB pointwise, convolution first': dict(
        type='SRB', ratio=2, layout='pointwise', order='conv_mlp'
    ),
    'self-attention of V3': dict(type='SpikeSelfAttention', value_ratio=2),
    'self-attention of V2': dict(type='SpikeSelfAttention', projection='rep_conv', scale=0.3),
    'self-attention of large V3': dict(type='SpikeSelfAttention', projection='stacked_conv'),
    'dual spike attention': dict(type='DualSpikeSelfAttention'),
    'dual spike attention of patches': dict(type='DualSpikeSelfAttention', patch_size=2),
    'grid attention': dict(type='SpikeGridAttention', head_dim=4, grid_size=2),
    'grid attention without projections': dict(
        type='SpikeGridAttention', head_dim=4, grid_size=2, variant='BDSA', scale=0.31
    ),
    'group-wise FFN': dict(type='GroupwiseFFN', ratio=2, group_size=4),
    'self-attention of Spikformer': dict(type='SpikformerSelfAttention'),
    # The scales keep sums over tokens within the window of the gradient of the gate's neuron.
    'self-attention of V1': dict(type='SpikeDrivenSelfAttention', scale=0.08),
    'self-attention of V1 with integer gates': dict(
        type='SpikeDrivenSelfAttention', scale=0.15, gate_neuron_cfg=dict(INTEGER_GATE, D=2)
    ),
    'self-attention of V1 with poolings': dict(
        type='SpikeDrivenSelfAttention', scale=0.03, max_pool=True
    ),
    'token attention of QKFormer': dict(type='QKTokenAttention'),
    'channel attention of QKFormer': dict(type='QKChannelAttention', scale=0.05, qkv_bias=True),
    'channel attention of integer gates': dict(
        type='QKChannelAttention',
        scale=0.1,
        gate_neuron_cfg=dict(INTEGER_GATE, D=3, norm=1),
        proj_bias=False,
    ),
    'quadratic self-attention': dict(type='SpikeSelfAttention', order='quadratic'),
    'self-attention with positions': dict(type=PositionedSelfAttention),
    'LRF self-attention': dict(type='LRFSelfAttention', value_ratio=2),
    'LRF self-attention of the text': dict(type='LRFSelfAttention', lrf=dict(preset='text')),
    'convex LRF self-attention': dict(
        type='LRFSelfAttention', projection='rep_conv', fusion='convex', lrf_scale='inside'
    ),
    'dynamic attention': dict(type='LRFDynamicAttention', value_ratio=2),
    'bidirectional dynamic attention': dict(
        type='LRFDynamicAttention', scan='bidirectional', projection='rep_conv', fusion='convex'
    ),
    'dynamic attention by rows and columns': dict(
        type='LRFDynamicAttention',
        scan='cross',
        share='channel',
        scale=9.0,
        lrf=dict(preset='text'),
    ),
    'dynamic attention of the text': dict(type='LRFDynamicAttention', token='x', gate=None),
    'deformable attention': dict(type='SpikeDrivenDeformableAttention', num_groups=2),
    'deformable attention of spiked values': dict(
        type='SpikeDrivenDeformableAttention', num_groups=2, spike='value', proj='linear'
    ),
}
#: Multiplications of real values that a spike-driven twin of a mixer keeps, and why.
KEPT = {
    'deformable attention': {'product'},  # places between pixels: interpolation of real values
    'deformable attention of spiked values': {'product'},  # spikes are interpolated
    # The factor of the number of tokens, which depends on the size of the map.
    'dual spike attention': {'mixer'},
    'dual spike attention of patches': {'mixer'},
}
#: Mixers whose last layer works on strips. It gives places and no channels, so no layer takes a
#: factor for each channel, and a layer scale stays.
STRIPS_LAST = {'MLPixer splash', 'MLPixer splash with norms', 'SRB splash, convolution first'}
#: Mixers with a norm behind a layer on strips, which stays for the same reason.
NORM_OF_STRIPS = {'MLPixer splash with norms', 'SRB splash with norms'}
KEPT |= {
    'MLPixer splash': {'mixer'},  # the scale of the block in this file
    'MLPixer splash with norms': {'mixer', 'norm'},
    'SRB splash with norms': {'norm'},
    'SRB splash, convolution first': {'mixer'},
}
mixers = pytest.mark.parametrize('name', MIXERS)


class OneBlock(nn.Module):
    """A stem, and a block of one mixer: the least that a whole model needs.

    Args:
        mixer: The mixer.
    """

    def __init__(self, mixer: nn.Module) -> None:
        super().__init__()
        self.stem = SpikeConv(3, CHANNELS, 3, norm_cfg=dict(type='BN'))
        self.block = SpikeBlock(CHANNELS, dict(mixer=mixer), layer_scale=0.7)
        self.readout = SpikeConv(CHANNELS, 5, neuron_cfg=NEURON)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, 3, H, W]`` or ``[T, B, 3, H, W] -> [B, 5, H, W]``."""
        x = x.unsqueeze(0) if x.dim() == 4 else x
        return self.readout(self.block(self.stem(x))).mean(0)


def build(name: str, **neuron: Any) -> nn.Module:
    """A mixer, awake, in float64 and eval mode."""
    cfg = dict(CFG, neuron_cfg=dict(NEURON, **neuron))
    mixer = build_mixer(MIXERS[name], CHANNELS, num_heads=2, **cfg).double()
    return wake(mixer, maps(batch=4))


def build_net(name: str) -> nn.Module:
    """A whole model around a mixer, awake, in float64 and eval mode."""
    net = OneBlock(build_mixer(MIXERS[name], CHANNELS, num_heads=2, **CFG)).double()
    return wake(net, images(batch=4))


def unfolded(foldings: list[Folding]) -> set[str]:
    return {folding.what for folding in foldings if folding.reason is not None}


def maps(steps: int = 1, batch: int = 2, size: tuple[int, int] = (5, 6)) -> Tensor:
    return 2 * torch.randn(steps, batch, CHANNELS, *size, dtype=torch.float64)


def images(batch: int = 2, steps: int | None = None) -> Tensor:
    """Images ``[B, 3, H, W]``, or clips ``[T, B, 3, H, W]``."""
    clip = () if steps is None else (steps,)
    return torch.randn(*clip, batch, 3, 6, 7, dtype=torch.float64)


def test_each_registered_mixer_is_asked() -> None:
    registered = {
        name
        for name, cls in MODELS.module_dict.items()
        if cls.__module__.startswith('spikedense.models.layers.')
        and not issubclass(cls, WeightedNeuron)
    }
    kinds = {cfg['type'] for cfg in MIXERS.values()}
    assert registered <= {kind if isinstance(kind, str) else kind.__name__ for kind in kinds}


@mixers
@pytest.mark.parametrize('steps', [1, 3])
@pytest.mark.parametrize('size', [(5, 6), (8, 3), (1, 4)])
def test_shapes_stay(name: str, steps: int, size: tuple[int, int]) -> None:
    x = maps(steps, size=size)
    assert build(name)(x).shape == x.shape


@mixers
def test_images_and_steps_do_not_see_each_other(name: str) -> None:
    mixer, x = build(name), maps(2)
    y = mixer(x)
    assert y.std() > 0
    torch.testing.assert_close(mixer(x.flip(1)), y.flip(1))
    torch.testing.assert_close(mixer(x[:, :1]), y[:, :1])
    torch.testing.assert_close(mixer(x[:1]), y[:1])  # no step sees a later one
    without_state = build(name, stateful=False)
    clip = without_state(x)
    for step, expected in zip(x, clip, strict=True):
        torch.testing.assert_close(without_state(step[None])[0], expected)


@mixers
def test_weighted_layers_are_fed_by_spikes(name: str) -> None:
    # Under these names the exceptions of the published networks are known.
    prefix = 'token_mixer' if name == 'separable convolution of V2' else 'attn'
    holder = nn.ModuleDict({prefix: build(name)})
    holder.forward = lambda x: holder[prefix](x)  # type: ignore[method-assign]
    assert unexplained(real_valued_inputs(holder, maps())) == []


@mixers
def test_each_weight_gets_a_gradient(name: str) -> None:
    mixer = build(name).train()
    for _ in range(6):  # a neuron may be saturated by one batch
        mixer(maps(2)).square().sum().backward()
    weights = {key: value for key, value in mixer.named_parameters() if value.dim() > 1}
    assert weights
    for key, value in weights.items():
        assert value.grad is not None and torch.isfinite(value.grad).all(), key
        assert value.grad.norm() > 0, key


@mixers
def test_copies_compute_the_same(name: str) -> None:
    mixer, x = build(name), maps(2)
    before = copy.deepcopy(mixer.state_dict())
    y = mixer(x)
    assert torch.equal(copy.deepcopy(mixer)(x), y)
    assert all(torch.equal(before[key], value) for key, value in mixer.state_dict().items())


@mixers
@pytest.mark.parametrize('steps', [1, 2])
def test_folding_changes_nothing(name: str, steps: int) -> None:
    mixer, x = build(name), maps(steps)
    folded = copy.deepcopy(mixer)
    foldings = fold(folded, steps=steps)
    torch.testing.assert_close(folded(x), mixer(x), rtol=1e-9, atol=1e-9)
    stays = name in NORM_OF_STRIPS
    assert unfolded(foldings) == ({'norm'} if stays else set())
    assert any(isinstance(m, _BatchNorm) for m in folded.modules()) == stays


@mixers
def test_a_factor_on_the_last_layer_is_a_factor_on_the_output(name: str) -> None:
    mixer, x = build(name), maps()
    fold(mixer)
    if name in STRIPS_LAST:
        with pytest.raises(Unfoldable, match='does not end in a layer of the same channels'):
            out_layer(mixer)
        return
    y = mixer(x)
    factor = torch.rand(CHANNELS, dtype=torch.float64) + 0.5
    scale_output(out_layer(mixer), factor)
    torch.testing.assert_close(mixer(x), y * factor[:, None, None])


@mixers
def test_layers_of_a_chain_are_the_mixer(name: str) -> None:
    mixer, x = build(name), maps()
    for folded in (False, True):
        if folded:
            fold(mixer)
        answer = ask(mixer, 'chain')
        chain = None if answer is None else answer()
        if chain is None:
            known = ('attention', 'splash', 'group-wise')
            assert any(word in name for word in known), 'other layers are a chain'
            assert any(hasattr(m, 'no_nir') for m in mixer.modules())
            return
        y = x
        for layer in chain.values():
            y = layer(y)
        torch.testing.assert_close(mixer(x), y)


@mixers
@pytest.mark.parametrize('steps', [None, 3])
def test_products_and_layers_are_traced(name: str, steps: int | None) -> None:
    net, x = build_net(name), images(steps=steps)
    fold(net)
    trace = trace_network(net, x)
    assert trace.lost == set()
    assert (trace.images, trace.steps) == (2, steps or 1)
    outside = [op for op in trace.operations.contractions if not op.inside_neuron]
    real = {op.module for op in outside if op.multiplies_reals}
    assert real == {'stem.conv'}, 'all products but those of pixels have a spiking factor'
    assert all(op.single > 0 for op in trace.operations.contractions if op.spikes)


@mixers
@pytest.mark.parametrize('steps', [None, 3])
def test_the_spike_driven_twin_computes_the_same(name: str, steps: int | None) -> None:
    net, x = build_net(name), images(steps=steps)
    twin, foldings = to_spike_inference(net, x)
    norm = {'norm'} if name in NORM_OF_STRIPS else set()
    assert unfolded(foldings) == norm | ({'layer scale'} if name in STRIPS_LAST else set())
    fresh = images(steps=steps)
    torch.testing.assert_close(twin(fresh), net(fresh), rtol=1e-9, atol=1e-9)
    neurons = [m for m in net.modules() if isinstance(m, BaseNeuron)]
    assert neurons
    inputs: list[Tensor] = []
    for module in twin.modules():
        if isinstance(module, nn.Conv2d) and module.in_channels != 3:
            module.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    twin(fresh)
    assert inputs and all(((x == 0) | (x == 1)).all() for x in inputs)
    rest = [op for op in trace_network(twin, fresh).operations if op.multiplies_reals]
    outside = [op for op in rest if not op.on_pixels and not op.inside_neuron]
    kept = {op.module.rpartition('.')[2] for op in outside}
    mean_over_steps = set() if steps is None else {''}  # of the read-out
    assert kept == KEPT.get(name, set()) | mean_over_steps


LAYERS: dict[str, tuple[Any, tuple[int, ...]]] = {
    'convolution': (lambda: SpikeConv(8, 6, 3, 2, groups=2, **CFG), (2, 3, 8, 5, 6)),
    'convolution without a norm': (lambda: SpikeConv(8, 6, neuron_cfg=NEURON), (2, 3, 8, 5, 6)),
    'transposed convolution': (lambda: SpikeDeconv(8, 6, 2, **CFG), (2, 3, 8, 5, 6)),
    'linear layer': (lambda: SpikeLinear(8, 6, **CFG), (2, 5, 8)),
    'RepConv': (lambda: SpikeRepConv(8, 6, **CFG), (2, 3, 8, 5, 6)),
}
layers = pytest.mark.parametrize('name', LAYERS)


@layers
def test_a_layer_reads_spikes_and_is_folded(name: str) -> None:
    make, shape = LAYERS[name]
    x = 2 * torch.randn(*shape, dtype=torch.float64)
    layer = wake(make().double(), x)
    y = layer(x)
    assert y.std() > 0 and y.shape[:2] == x.shape[:2]
    assert unexplained([f'attn.q_conv.{n}' for n in real_valued_inputs(layer, x)]) == []
    holder = nn.ModuleDict({'layer': layer})
    foldings = fold(holder.eval())
    torch.testing.assert_close(holder['layer'](x), y, rtol=1e-9, atol=1e-9)
    assert [f for f in foldings if f.reason is not None] == []
    assert not any(isinstance(m, _BatchNorm) for m in holder.modules())
    layer.train()(x).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in layer.parameters() if p.dim() > 1)
    layer.eval()
    last = out_layer(holder['layer'])
    scale_output(last, 2.0)
    torch.testing.assert_close(holder['layer'](x), 2 * y)


def test_cross_attention_keeps_the_contract() -> None:
    attention = SpikeMultiheadAttention(CHANNELS, 2, **CFG).double()
    query, tokens = maps(2, size=(1, 7)), maps(2, size=(4, 3))
    wake(attention, query, tokens, tokens)
    y = attention(query, tokens, tokens)
    assert y.shape == query.shape and y.std() > 0
    assert real_valued_inputs(attention, query, tokens, tokens) == []
    foldings = fold(attention)
    torch.testing.assert_close(attention(query, tokens, tokens), y, rtol=1e-9, atol=1e-9)
    assert [f for f in foldings if f.reason is not None] == []


@pytest.mark.parametrize(
    ('cfg', 'said'),
    [
        (dict(kernel_size=3), "expected a dict with a 'type'"),
        (dict(type='SpikeSeparableConvv', kernel_size=3), "type='SpikeSeparableConvv'"),
        (dict(type='ChannelMLP', ratoi=2), "ChannelMLP has no 'ratoi', expected some of"),
    ],
)
def test_a_wrong_mixer_is_told(cfg: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        build_mixer(cfg, CHANNELS, **CFG)


def test_a_mixer_may_be_a_class_and_takes_the_arguments_that_it_knows() -> None:
    class Plain(nn.Module):
        def __init__(self, channels: int, neuron_cfg: dict[str, Any]) -> None:
            super().__init__()
            self.neuron = build_neuron(neuron_cfg)

    mixer = build_mixer(dict(type=Plain), CHANNELS, num_heads=2, **CFG)
    assert isinstance(mixer, Plain)
