"""The grid attention of SpikeAtConv."""

from typing import Any

import pytest
import torch
from contract import wake
from torch import Tensor

from spikedense.models.layers import SpikeGridAttention
from spikedense.models.layers.attention.grid import merge_sets, split_sets
from spikedense.models.layers.attention.heads import merge_heads, split_heads

CFG: dict[str, Any] = dict(
    head_dim=3, grid_size=4, neuron_cfg=dict(type='NILIF', D=2), norm_cfg=dict(type='BN')
)
both = pytest.mark.parametrize('partition', ['grid', 'window'])


def maps(height: int = 9, width: int = 13) -> Tensor:
    return torch.randn(2, 1, 6, height, width, dtype=torch.float64)


@both
def test_sets_and_back(partition: str) -> None:
    x = maps(8, 12)
    sets = split_sets(x, 2, 4, partition)
    assert sets.shape == (2, 2 * 2 * 3, 3, 16)
    assert torch.equal(merge_sets(sets, 2, 3, 2, 4, partition), x)


def test_a_grid_is_spread_and_a_window_is_not() -> None:
    rows = torch.arange(8.0)[:, None].expand(1, 1, 1, 8, 8)
    first = {p: split_sets(rows, 1, 4, p)[0, 0, 0].unique() for p in ('grid', 'window')}
    assert first['grid'].tolist() == [0, 2, 4, 6]
    assert first['window'].tolist() == [0, 1, 2, 3]


@both
@pytest.mark.parametrize('variant', ['SISA', 'BDSA'])
def test_equals_an_attention_of_all_tokens_with_a_mask(partition: str, variant: str) -> None:
    attention = SpikeGridAttention(6, variant=variant, partition=partition, **CFG).double()
    x = maps()
    wake(attention, x)
    s = attention.neuron(x)
    v = s if variant == 'BDSA' else attention.v_neuron(attention.v_conv(s))
    scores = attention.token_scores(x)(slice(None))  # [T*B, heads, N, N]
    assert (scores > 0).any() and (scores == 0).any()
    y = split_heads(v, 2) @ scores.transpose(-2, -1)
    torch.testing.assert_close(attention(x), attention.out_proj(merge_heads(y, x)))


@pytest.mark.parametrize(
    ('channels', 'head_dim', 'found'), [(64, 32, 32), (16, 32, 16), (24, 10, 12)]
)
def test_a_head_has_at_least_the_given_channels(channels: int, head_dim: int, found: int) -> None:
    attention = SpikeGridAttention(channels, **{**CFG, 'head_dim': head_dim})
    assert attention.head_dim == found and attention.num_heads == channels // found
    assert attention.product.scale == found**-0.5


def test_bdsa_has_no_projections_in_front() -> None:
    sizes = {
        variant: sum(p.numel() for p in SpikeGridAttention(6, variant=variant, **CFG).parameters())
        for variant in ('SISA', 'BDSA')
    }
    assert sizes['BDSA'] == 6 * 6 + 2 * 6 and sizes['SISA'] == 4 * sizes['BDSA']


def test_memory_counts_a_state_for_each_set() -> None:
    sisa, bdsa = (SpikeGridAttention(6, variant=v, **CFG) for v in ('SISA', 'BDSA'))
    found, binary = sisa.attention_memory(9, 13), bdsa.attention_memory(9, 13)
    assert found.state == binary.state == 3 * 4 * 6 * 3 * 32
    assert found.queries == 9 * 13 * 6 * 2 and found.tokens == 3 * binary.tokens
