"""What attentions answer about their memory, and about what a query takes from each token."""

from typing import Any

import pytest
import torch
from contract import wake
from torch import Tensor

from spikedense.models.layers import build_mixer, sine_positions
from spikedense.models.layers.attention import AttentionMemory, spike_bits
from spikedense.models.layers.attention.heads import split_heads
from spikedense.models.pixel_decoders.sdte import PositionedSelfAttention
from spikedense.utils.answers import ask

CHANNELS, HEADS = 8, 2
PRODUCTS: dict[str, dict[str, Any]] = {
    'self-attention': dict(type='SpikeSelfAttention', value_ratio=2),
    'self-attention of V2': dict(type='SpikeSelfAttention', projection='rep_conv'),
    'self-attention of Spikformer': dict(type='SpikformerSelfAttention'),
}
GATES: dict[str, dict[str, Any]] = {
    'self-attention of V1': dict(type='SpikeDrivenSelfAttention'),
    'token attention': dict(type='QKTokenAttention', scale=0.2),
    'channel attention': dict(type='QKChannelAttention'),
}
ALL = {**PRODUCTS, **GATES}


def build(name: str, heads: int = HEADS) -> Any:
    """An attention in float64 and eval mode."""
    cfg = dict(neuron_cfg=dict(type='NILIF', D=4), norm_cfg=dict(type='BN'))
    return build_mixer(ALL[name], CHANNELS, num_heads=heads, **cfg).double().eval()


def awake(name: str, heads: int = HEADS) -> Any:
    """The same, and its neurons fire."""
    return wake(build(name, heads), maps(4))


def maps(batch: int = 2) -> Tensor:
    return 2 * torch.randn(2, batch, CHANNELS, 3, 4, dtype=torch.float64)


def spikes_of(attn: Any, name: str, x: Tensor) -> Tensor:
    """Queries, keys or values, ``[T*B, heads, d, N]``."""
    conv, neuron = getattr(attn, f'{name}_conv'), getattr(attn, f'{name}_neuron')
    return split_heads(neuron(conv(attn.neuron(x))), attn.num_heads)


def scores_of(attn: Any, x: Tensor) -> Tensor:
    """The scores of all queries, ``[T*B, heads, N, N]``."""
    tell = ask(attn, 'token_scores')
    assert tell is not None
    return tell(x)(slice(None))


@pytest.mark.parametrize('name', ALL)
def test_scores_come_in_blocks_of_queries(name: str) -> None:
    attn, x = awake(name), maps()
    scores = scores_of(attn, x)
    assert scores.shape == (4, HEADS, 12, 12)
    assert scores.min() >= 0 and scores.max() > 0
    block = attn.token_scores(x)
    for queries in (slice(0, 5), slice(5, 12), slice(3, 4)):
        torch.testing.assert_close(block(queries), scores[:, :, queries])


@pytest.mark.parametrize('name', PRODUCTS)
def test_scores_times_values_are_the_product(name: str) -> None:
    attn, x = awake(name), maps()
    q, k, v = (spikes_of(attn, letter, x) for letter in 'qkv')
    expected = attn.product(q, k, v)
    assert expected.std() > 0
    torch.testing.assert_close(v @ scores_of(attn, x).transpose(-2, -1), expected)


def test_scores_of_gated_channels_are_shares_of_the_sum() -> None:
    # With one channel in a head, what passes the query is the sum over tokens of score times value.
    attn, x = awake('self-attention of V1', heads=CHANNELS), maps()
    q, k, v = (spikes_of(attn, letter, x) for letter in 'qkv')
    torch.testing.assert_close(
        v @ scores_of(attn, x).transpose(-2, -1), q * (k * v).sum(-1, keepdim=True)
    )
    attn = awake('channel attention', heads=CHANNELS)
    q, k = (spikes_of(attn, letter, x) for letter in 'qk')
    sums = scores_of(attn, x).sum(-1).unsqueeze(-2)
    torch.testing.assert_close(sums, k * q.sum(-1, keepdim=True))


def test_a_token_under_its_gate_sees_itself() -> None:
    attn, x = awake('token attention'), maps()
    q, k = (spikes_of(attn, letter, x) for letter in 'qk')
    scores = scores_of(attn, x)
    assert torch.equal(scores, torch.diag_embed(scores.diagonal(dim1=-2, dim2=-1)))
    sums = attn.total(q).unflatten(0, (2, 2))
    masked = k * attn.gate_neuron(sums).flatten(0, 1)
    assert 0 < masked.count_nonzero() < k.count_nonzero()
    assert torch.equal(k @ scores.transpose(-2, -1), masked)


def test_positions_change_scores_and_no_memory() -> None:
    plain = awake('self-attention of Spikformer')
    cfg = dict(neuron_cfg=dict(type='NILIF', D=4), norm_cfg=dict(type='BN'))
    attn = PositionedSelfAttention(CHANNELS, HEADS, 0.125, proj_bias=True, **cfg).double().eval()
    attn.load_state_dict(plain.state_dict())
    x = maps()
    expected = scores_of(plain, x + sine_positions(x))
    assert not torch.equal(expected, scores_of(plain, x))
    assert torch.equal(scores_of(attn, x), expected)
    tell = ask(attn, 'attention_memory')
    assert tell is not None and tell(3, 5) == plain.attention_memory(3, 5)


def test_memory_of_the_published_example() -> None:
    # C = 512 channels, 8 heads: k^T v takes 131 kB.
    cfg = dict(neuron_cfg=dict(type='LIF'), norm_cfg=dict(type='BN'))
    attn = build_mixer(dict(type='SpikformerSelfAttention'), 512, num_heads=8, **cfg)
    memory = attn.attention_memory(14, 14)
    assert memory.state / 8 == 131_072
    assert memory == AttentionMemory(512 * 64 * 32, 196 * 512, 3 * 196 * 512)
    assert memory.streaming == 512 * 64 * 32 + 196 * 512
    assert memory.materialised == 512 * 64 * 32 + 3 * 196 * 512


N = 3 * 5 * CHANNELS  # tokens times channels


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        # Integers up to 4 have 3 bits, sums have 32; the value of the first has 16 channels.
        ('self-attention', AttentionMemory(16 * 4 * 32, 3 * N, 12 * N)),
        ('self-attention of V2', AttentionMemory(8 * 4 * 32, 3 * N, 9 * N)),
        ('self-attention of V1', AttentionMemory(8 * 32, 3 * N, 9 * N)),
        ('token attention', AttentionMemory(0, 0, 6 * N)),
        ('channel attention', AttentionMemory(8 * 32, 3 * N, 6 * N)),
    ],
)
def test_memory_counts_bits(name: str, expected: AttentionMemory) -> None:
    tell = ask(build(name), 'attention_memory')
    assert tell is not None and tell(3, 5) == expected


def test_values_without_spikes_have_all_bits() -> None:
    assert [spike_bits(D) for D in (1, 3, 4, 8, None)] == [1, 2, 3, 4, 32]
