"""How far attentions look: the statistics against loops over all pairs of tokens."""

import math
from collections.abc import Callable
from dataclasses import asdict

import pytest
import torch
from contract import wake
from scored_attention import ScoredSelfAttention, UnscoredSelfAttention
from torch import Tensor, nn

from spikedense.analysis.attention_distance import DistanceSums, Reach, mean_reach, uniform_reach
from spikedense.analysis.distance_report import DistanceMeter, distance_report
from spikedense.models.layers import LRFDynamicAttention

GRIDS = [(1, 1), (1, 7), (5, 3), (4, 4), (3, 8)]


def weights_of(grid: tuple[int, int], heads: int = 2, images: int = 3) -> Tensor:
    """Integers as of spikes, in float64, with some queries without any weight."""
    generator = torch.Generator().manual_seed(0)
    tokens = grid[0] * grid[1]
    weights = torch.randint(0, 4, (images, heads, tokens, tokens), generator=generator).double()
    weights[0, 0, :: max(2, tokens // 2)] = 0
    return weights


def by_loops(weights: Tensor, grid: tuple[int, int], radius: int) -> list[dict[str, float]]:
    """The numbers of each head, by the definition."""
    width = grid[1]
    found = []
    for head in weights.double().unbind(1):
        shares, means, entropies = [], [], []
        for image in head.tolist():
            for query, row in enumerate(image):
                if not sum(row):
                    continue
                parts = [w / sum(row) for w in row]
                distances = [
                    abs(query // width - j // width) + abs(query % width - j % width)
                    for j in range(len(row))
                ]
                pairs = list(zip(parts, distances, strict=True))
                shares.append(sum(p for p, d in pairs if d <= radius))
                means.append(sum(p * d for p, d in pairs))
                nats = -sum(p * math.log(p) for p in parts if p)
                entropies.append(nats / math.log(len(row)) if len(row) > 1 else 0.0)
        number = len(shares)
        values = (sum(x) / number for x in (shares, means, entropies))
        found.append(dict(zip(('share', 'mean_distance', 'entropy'), values, strict=True)))
    return found


def measured(weights: Tensor, grid: tuple[int, int], radius: int, size: int) -> DistanceSums:
    sums = DistanceSums(weights.size(1), *grid, radius)
    sums.add_all(lambda block: weights[:, :, block], size)
    return sums


@pytest.mark.parametrize('grid', GRIDS)
@pytest.mark.parametrize('radius', [0, 2, 50])
def test_statistics_are_those_of_loops(grid: tuple[int, int], radius: int) -> None:
    weights = weights_of(grid)
    found = measured(weights, grid, radius, size=4).distance('a', 'A')
    for head, expected in zip(found.heads, by_loops(weights, grid, radius), strict=True):
        assert asdict(head) == pytest.approx(expected, abs=1e-12)
    assert found.empty == float((weights.sum(-1) == 0).double().mean())


@pytest.mark.parametrize('size', [1, 4, 7, 15])
def test_blocks_equal_the_whole(size: int) -> None:
    grid = (5, 3)
    weights = weights_of(grid)
    whole = measured(weights, grid, 3, size=100).distance('a', 'A')
    parts = measured(weights, grid, 3, size=size).distance('a', 'A')
    for one, other in zip(whole.heads, parts.heads, strict=True):
        assert asdict(one) == pytest.approx(asdict(other), abs=1e-12)
    assert whole.empty == parts.empty


@pytest.mark.parametrize('grid', GRIDS)
def test_uniform_attention(grid: tuple[int, int]) -> None:
    tokens = grid[0] * grid[1]
    same = torch.full((1, 1, tokens, tokens), 0.3, dtype=torch.float64)
    found = measured(same, grid, 2, size=4).distance('a', 'A')
    assert asdict(found.heads[0]) == pytest.approx(asdict(found.uniform), abs=1e-12)
    assert found.uniform.entropy == (1 if tokens > 1 else 0)


def test_uniform_attention_of_the_published_grids() -> None:
    assert uniform_reach(14, 14).share == pytest.approx(0.235, abs=5e-4)
    assert uniform_reach(15, 15).share == pytest.approx(0.209, abs=5e-4)
    assert uniform_reach(14, 14).mean_distance == pytest.approx(2 * (14 - 1 / 14) / 3)
    assert uniform_reach(128, 128).mean_distance == pytest.approx(2 * (128 - 1 / 128) / 3)


def test_attention_to_oneself() -> None:
    found = measured(torch.eye(12)[None, None], (3, 4), 0, size=5).distance('a', 'A')
    assert found.mean == Reach(share=1, mean_distance=0, entropy=0)
    assert found.spread == Reach(share=0, mean_distance=0, entropy=0)


def test_heads_without_weights() -> None:
    weights = torch.zeros(2, 2, 12, 12)
    dead = measured(weights, (3, 4), 5, size=12).distance('a', 'A')
    assert (dead.heads, dead.mean, dead.spread, dead.empty) == ((None, None), None, None, 1)
    weights[:, 1] = torch.eye(12)
    half = measured(weights, (3, 4), 5, size=12).distance('a', 'A')
    assert half.heads[0] is None
    assert half.mean == half.heads[1]
    assert half.empty == 0.5


def test_mean_and_spread_over_heads() -> None:
    found = measured(weights_of((4, 4), heads=3), (4, 4), 2, size=16).distance('a', 'A')
    shares = torch.tensor([head.share for head in found.heads], dtype=torch.float64)
    assert found.mean.share == pytest.approx(float(shares.mean()))
    assert found.spread.share == pytest.approx(float(shares.std(correction=0)))
    assert mean_reach([]) is None


@pytest.mark.parametrize(
    ('weights', 'said'),
    [
        (torch.ones(1, 2, 4, 5), r'shape \[1, 2, 4, 5\], expected \[images, 2 heads, 4 queries'),
        (-torch.ones(1, 2, 4, 4), 'negative'),
        (torch.full((1, 2, 4, 4), math.nan), 'not finite'),
        (torch.full((1, 2, 4, 4), math.inf), 'not finite'),
    ],
)
def test_weights_that_are_none(weights: Tensor, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        DistanceSums(2, 2, 2).add(weights, slice(0, 4))


class Net(nn.Module):
    """Two attentions on clips, the second one on a smaller grid."""

    def __init__(self, kind: type = ScoredSelfAttention) -> None:
        super().__init__()
        torch.manual_seed(0)
        cfg = dict(neuron_cfg=dict(type='NILIF', D=4), norm_cfg=dict(type='BN'))
        self.first = kind(8, 4, **cfg)
        self.second = kind(8, 2, **cfg)

    def forward(self, x: Tensor) -> Tensor:
        """Runs both attentions."""
        return self.second(self.first(x)[..., ::2])


def awake(kind: type = ScoredSelfAttention) -> nn.Module:
    """A net in eval mode whose neurons fire."""
    return wake(Net(kind), *clips(1))


def clips(number: int, batch: int = 1, steps: int = 2) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(steps, batch, 8, 3, 6, generator=generator) for _ in range(number)]


def test_report_of_a_model() -> None:
    net = awake()
    images = clips(2)
    report = distance_report(DistanceMeter(net, 2), images)
    assert [row['name'] for row in report['attentions']] == ['first', 'second']
    assert [(row['height'], row['width']) for row in report['attentions']] == [(3, 6), (3, 3)]
    assert [len(row['heads']) for row in report['attentions']] == [4, 2]
    assert (report['images'], report['image_size'], report['refused']) == (2, [3, 6], {})
    with torch.no_grad():
        weights = torch.cat([net.first.token_scores(x)(slice(None)) for x in images])
    expected = by_loops(weights, (3, 6), 2)
    for head, numbers in zip(report['attentions'][0]['heads'], expected, strict=True):
        assert head == pytest.approx(numbers, abs=1e-7)
    shares = [row['mean']['share'] for row in report['attentions']]
    assert report['mean']['share'] == pytest.approx(sum(shares) / 2)


@pytest.mark.parametrize(
    'other',
    [
        lambda net: distance_report(DistanceMeter(net, 2, budget=1), clips(2)),
        lambda net: distance_report(DistanceMeter(net, 2), [torch.cat(clips(2), dim=1)]),
    ],
)
def test_neither_blocks_nor_batches_matter(other: Callable[[nn.Module], dict]) -> None:
    net = awake()
    one = distance_report(DistanceMeter(net, 2), clips(2))
    for a, b in zip(one['attentions'], other(net)['attentions'], strict=True):
        for key in ('mean', 'spread'):
            assert a[key] == pytest.approx(b[key], abs=1e-9)


def test_no_block_is_above_the_budget() -> None:
    sizes = []

    class Watched(ScoredSelfAttention):
        def token_scores(self, x: Tensor) -> Callable[[slice], Tensor]:
            scores = super().token_scores(x)

            def watched(block: slice) -> Tensor:
                sizes.append(scores(block).numel())
                return scores(block)

            return watched

    distance_report(DistanceMeter(awake(Watched), budget=1000), clips(1))
    one_query = 2 * 4 * 18  # T*B, heads, tokens
    assert max(sizes) == 1000 // one_query * one_query


def test_hooks_are_removed() -> None:
    net = awake()
    distance_report(DistanceMeter(net), clips(1))
    assert not net.first._forward_pre_hooks


def test_an_attention_with_an_inherited_answer_is_named() -> None:
    net = awake()
    cfg = dict(neuron_cfg=dict(type='NILIF', D=4), norm_cfg=dict(type='BN'))
    net.second = UnscoredSelfAttention(8, 2, **cfg).eval()
    report = distance_report(DistanceMeter(net), clips(1))
    assert [row['name'] for row in report['attentions']] == ['first']
    assert 'UnscoredSelfAttention overrides forward' in report['refused']['second']


def test_an_attention_without_weights_is_named() -> None:
    net = awake()
    cfg = dict(neuron_cfg=dict(type='NILIF', D=4), norm_cfg=dict(type='BN'))
    net.second = LRFDynamicAttention(8, 2, lrf_on='u', **cfg).eval()
    report = distance_report(DistanceMeter(net), clips(1))
    assert [row['name'] for row in report['attentions']] == ['first']
    assert "lrf_on='u': its local term reads no values" in report['refused']['second']
    net.first = LRFDynamicAttention(8, 2, lrf_on='m', **cfg).eval()
    with pytest.raises(ValueError, match=r"calls no attention .*; 'first': lrf_on='m'"):
        distance_report(DistanceMeter(net), clips(1))


def test_errors() -> None:
    with pytest.raises(ValueError, match='Linear has no attention that tells its weights'):
        DistanceMeter(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="'first': UnscoredSelfAttention overrides forward"):
        DistanceMeter(Net(UnscoredSelfAttention))
    with pytest.raises(ValueError, match='radius=-1'):
        DistanceMeter(Net(), -1)
    with pytest.raises(ValueError, match='training mode'):
        distance_report(DistanceMeter(Net()), clips(1))
    with pytest.raises(ValueError, match='no images'):
        distance_report(DistanceMeter(awake()), [])
    net = awake()
    net.forward = lambda x: x
    with pytest.raises(ValueError, match='calls no attention'):
        distance_report(DistanceMeter(net), clips(1))
