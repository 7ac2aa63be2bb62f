"""Attention by gates: SDSA-1 of Spike-driven Transformer, QK attention of QKFormer."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from contract import wake
from torch import Tensor, nn

from spikedense.analysis.energy import EnergySettings, layer_energies
from spikedense.deploy import fold, to_spike_inference
from spikedense.models.layers import SpikeBlock, SpikeConv, build_mixer
from spikedense.models.layers.attention.heads import split_heads
from spikedense.neurons import build_neuron
from spikedense.tracing import Spikes, trace_network

CHANNELS, HEADS = 8, 2
NORM = dict(type='BN')
KINDS = ('SpikeDrivenSelfAttention', 'QKTokenAttention', 'QKChannelAttention')
NEURONS: dict[str, dict[str, Any]] = {
    'integers': dict(type='NILIF', D=4),
    'LIF': dict(type='LIF'),
}
kinds = pytest.mark.parametrize('kind', KINDS)
neurons = pytest.mark.parametrize('neuron', NEURONS)


def build(kind: str, neuron: str | dict[str, Any], **kwargs: Any) -> Any:
    """An attention, awake, in float64 and eval mode."""
    cfg = NEURONS[neuron] if isinstance(neuron, str) else neuron
    made = build_mixer(
        dict(type=kind, **kwargs),
        CHANNELS,
        num_heads=HEADS,
        neuron_cfg=cfg,
        norm_cfg=NORM,
    )
    return wake(made.double(), maps(2, 4))


def maps(steps: int = 1, batch: int = 2) -> Tensor:
    return 2 * torch.randn(steps, batch, CHANNELS, 3, 4, dtype=torch.float64)


def spikes_of(attn: Any, name: str, x: Tensor) -> Tensor:
    """Queries, keys or values, ``[T, B, C, N]``."""
    conv, neuron = getattr(attn, f'{name}_conv'), getattr(attn, f'{name}_neuron')
    return neuron(conv(attn.neuron(x))).flatten(3)


def sdsa(attn: Any, x: Tensor) -> Tensor:
    """Of each channel: the sum over the tokens of k times v opens the gate of q."""
    q, k, v = (spikes_of(attn, name, x) for name in 'qkv')
    sums = torch.zeros(*q.shape[:3], dtype=q.dtype)
    for n in range(q.size(3)):
        sums += k[..., n] * v[..., n]
    return q * attn.gate_neuron(sums)[..., None]


def token(attn: Any, x: Tensor) -> Tensor:
    """Of each token: the sum over the channels of a head of q opens the gate of k."""
    q, k = (spikes_of(attn, name, x) for name in 'qk')
    out, size = torch.zeros_like(k), CHANNELS // HEADS
    for h in range(HEADS):
        sums = torch.zeros(*q.shape[:2], q.size(3), dtype=q.dtype)
        for c in range(h * size, (h + 1) * size):
            sums += q[:, :, c]
        out[:, :, h * size : (h + 1) * size] = attn.gate_neuron(sums)[:, :, None]
    return k * out


def channel(attn: Any, x: Tensor) -> Tensor:
    """Of each channel: the sum over the tokens of q opens the gate of k."""
    q, k = (spikes_of(attn, name, x) for name in 'qk')
    sums = torch.zeros(*q.shape[:3], dtype=q.dtype)
    for n in range(q.size(3)):
        sums += q[..., n]
    return k * attn.gate_neuron(sums)[..., None]


WRITTEN_OUT: dict[str, Callable[[Any, Tensor], Tensor]] = dict(
    zip(KINDS, (sdsa, token, channel), strict=True)
)


@kinds
@neurons
@pytest.mark.parametrize('gate', [None, dict(type='NILIF', D=3)])
def test_equals_the_formula_written_out(kind: str, neuron: str, gate: dict | None) -> None:
    attn, x = build(kind, neuron, gate_neuron_cfg=gate), maps(3)
    masked = WRITTEN_OUT[kind](attn, x)
    assert 0 < masked.count_nonzero() < masked.numel()
    torch.testing.assert_close(attn(x), attn.out_proj(masked.reshape(x.shape)))


@kinds
@pytest.mark.parametrize(
    ('neuron', 'expected'),
    [
        (dict(type='NILIF', D=4), dict(D=1, norm=1.0)),
        (dict(type='NILIF', D=8, norm=2.0, stateful=False), dict(D=1, norm=1.0, stateful=False)),
        (dict(type='ILIF', D=3), dict(D=1, norm=1.0)),
        (dict(type='NILIF', D=1), dict(D=1, norm=1.0)),
        (dict(type='LIF'), dict(D=1, v_threshold=0.5)),
        (dict(type='PLIF', v_threshold=3.0), dict(D=1, v_threshold=1.5)),
        (dict(type='ReLU'), dict(D=None)),
    ],
    ids=lambda x: str(x.get('type', '')),
)
def test_the_gate_is_binary_by_default(kind: str, neuron: dict, expected: dict) -> None:
    attn = build(kind, neuron)
    found = {key: getattr(attn.gate_neuron, key) for key in expected}
    assert found == expected
    assert type(attn.gate_neuron) is type(build_neuron(neuron))


@pytest.mark.parametrize(
    ('gate', 'D', 'norm'),
    [(None, 4, 4.0), (dict(type='NILIF', D=3), 12, 12.0), (dict(type='ILIF', D=2), 8, 4.0)],
)
@kinds
def test_masked_spikes_are_integers_again(
    kind: str, gate: dict | None, D: int, norm: float
) -> None:
    attn, x = build(kind, 'integers', gate_neuron_cfg=gate), maps()
    seen: list[Tensor] = []
    attn.out_proj.conv.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    trace = trace_network(nn.Sequential(attn), x)
    (value,) = trace.inputs['0.out_proj.conv']
    assert isinstance(value, Spikes) and (value.D, value.norm) == (D, norm)
    counts = seen[0] * norm
    torch.testing.assert_close(counts, counts.round())
    assert counts.unique().numel() > 2 and counts.max() <= D


class OneBlock(nn.Module):
    """A stem and a block, the least that spike-driven inference needs."""

    def __init__(self, attn: nn.Module, neuron_cfg: dict[str, Any]) -> None:
        super().__init__()
        self.stem = SpikeConv(3, CHANNELS, 3, norm_cfg=dict(type='BN'))
        self.block = SpikeBlock(CHANNELS, dict(attn=attn))
        self.readout = SpikeConv(CHANNELS, 5, neuron_cfg=neuron_cfg)

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, 3, H, W] -> [T, B, 5, H, W]``."""
        return self.readout(self.block(self.stem(x)))


@pytest.mark.parametrize(('kind', 'neuron'), list(product(KINDS, NEURONS)))
@pytest.mark.parametrize(
    'gate',
    [
        None,
        dict(type='NILIF', D=3),
        # Its thresholds cannot take a factor: the sum keeps it.
        dict(type='SigmoidL2NILIF', D=2),
    ],
    ids=['binary', 'integers', 'without thresholds'],
)
def test_twins_send_each_pair_of_spikes(kind: str, neuron: str, gate: dict | None) -> None:
    attn = build(kind, neuron, gate_neuron_cfg=gate)
    net = wake(OneBlock(attn, NEURONS[neuron]).double(), torch.randn(2, 4, 3, 3, 4).double())
    clip = torch.randn(2, 3, 3, 3, 4, dtype=torch.float64)
    twin, foldings = to_spike_inference(net, clip)
    assert [f for f in foldings if f.reason is not None] == []
    assert attn(net.stem(clip)).std() > 0
    fresh = torch.randn_like(clip)
    torch.testing.assert_close(twin(fresh), net(fresh), rtol=1e-9, atol=1e-9)
    seen: list[Tensor] = []
    twin.block.branches.attn.out_proj.conv.register_forward_pre_hook(
        lambda _, args: seen.append(args[0])
    )
    twin(fresh)
    levels = (4 if neuron == 'integers' else 1) * (gate or {'D': 1})['D']
    assert seen[0].size(0) == 2 * 3 * levels
    assert set(seen[0].unique().tolist()) == {0.0, 1.0}


@kinds
@pytest.mark.parametrize('mode', ['paper', 'strict'])
def test_each_counted_spike_is_an_addition(kind: str, mode: str) -> None:
    attn, x = build(kind, 'integers'), maps(3)
    counted: list[Tensor] = []
    attn.total.register_forward_pre_hook(lambda _, args: counted.append(args[0]))
    trace = trace_network(nn.Sequential(attn), x)
    rows = layer_energies(trace.operations, EnergySettings(mode=mode))
    priced = {(row.name, row.operation): row for row in rows}
    (spikes,) = counted
    norm = 16 if kind == 'SpikeDrivenSelfAttention' else 4
    row = priced['0.total', 'sum']
    assert row.counted_as == 'AC'
    assert row.acs == pytest.approx(spikes.sum().item() * norm / 2)  # two images
    # The published formulas leave out the AND of two spikes.
    assert priced['0.mask', 'mul'].counted_as == ('AC' if mode == 'strict' else 'free')
    assert all(row.macs == 0 for row in rows)


@kinds
def test_the_scale_moves_into_thresholds(kind: str) -> None:
    attn, x = build(kind, 'LIF', scale=0.3), maps(2)
    y = attn(x)
    assert 'attention scale' in {f.what for f in fold(attn, steps=2)}
    assert attn.total.scale == 1
    assert attn.gate_neuron.v_threshold == pytest.approx(0.5 / 0.3)
    torch.testing.assert_close(attn(x), y)
    assert fold(attn, steps=2) == []


def test_half_precision_counts_many_tokens() -> None:
    attn = build('QKChannelAttention', 'LIF')
    ones = torch.ones(1, HEADS, 4, 4099, dtype=torch.float16)
    assert attn.total(ones).unique().tolist() == [4099]


@kinds
def test_biases_are_chosen(kind: str) -> None:
    def biases(**kwargs: Any) -> set[str]:
        named = build(kind, 'LIF', **kwargs).named_parameters()
        return {name.partition('.')[0] for name, _ in named if name.endswith('conv.bias')}

    assert biases() == {'out_proj'}, 'as in the published ImageNet models'
    assert biases(proj_bias=False) == set()
    layers = {'q_conv', 'k_conv', 'v_conv'} if 'Driven' in kind else {'q_conv', 'k_conv'}
    assert biases(qkv_bias=True) == {'out_proj', *layers}


@pytest.mark.parametrize('heads', [1, 4, 8])
@pytest.mark.parametrize('kind', ['SpikeDrivenSelfAttention', 'QKChannelAttention'])
def test_gates_of_channels_do_not_depend_on_the_heads(kind: str, heads: int) -> None:
    attn, x = build(kind, 'LIF'), maps()
    y = attn(x)
    attn.num_heads = heads
    assert torch.equal(attn(x), y)


def test_tokens_of_token_attention_do_not_see_each_other() -> None:
    attn, x = build('QKTokenAttention', 'integers'), maps()
    other = x.clone()
    other[..., 0, 0] += 1
    changed = (attn(other) != attn(x)).flatten(3).any(2)[0]
    assert changed[:, 0].any() and not changed[:, 1:].any()


@kinds
@pytest.mark.parametrize(
    ('kwargs', 'said'),
    [
        (dict(num_heads=3), 'num_heads=3, expected a divisor of 8'),
        (dict(num_heads=0), 'num_heads=0, expected a divisor of 8'),
        (dict(num_heads=2.0), 'num_heads=2.0, expected a divisor of 8'),
        (dict(scale=0.0), 'scale=0.0, expected a number above 0'),
        (dict(scale=None), 'scale=None, expected a number above 0'),
        (dict(gate_neuron_cfg=dict(type='LIV')), "neuron_cfg: type='LIV', expected one of"),
    ],
)
def test_wrong_settings_are_told(kind: str, kwargs: dict[str, Any], said: str) -> None:
    cfg = dict(neuron_cfg=dict(type='LIF'), norm_cfg=dict(type='BN'))
    with pytest.raises(ValueError, match=said):
        build_mixer(dict(type=kind, **{'num_heads': 2, **kwargs}), CHANNELS, **cfg)


def test_heads_are_contiguous_channels() -> None:
    x = torch.arange(8.0).reshape(1, 1, 8, 1, 1)
    assert split_heads(x, 2).flatten().tolist() == list(range(8))
    assert split_heads(x, 2).shape == (1, 2, 4, 1)


def test_an_average_is_a_sum_with_a_scale_for_the_width() -> None:
    attn = build('QKTokenAttention', 'integers', average=True, scale=2.0)
    same = build('QKTokenAttention', 'integers', scale=2.0 / (CHANNELS / HEADS))
    same.load_state_dict(attn.state_dict())
    x = maps()
    assert torch.equal(attn(x), same(x))
