"""How far an attention looks: the Manhattan distance from its queries to their tokens."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

#: The radius of the published shares.
RADIUS = 5

#: For a block of queries, the weight of each token, ``[T*B, heads, n, N]``.
Scores = Callable[[slice], Tensor]


@dataclass(frozen=True)
class Reach:
    """How far an attention looks, on average over its queries.

    Args:
        share: Share of the mass on tokens within the radius, the query's own place included.
        mean_distance: Mean Manhattan distance of the mass, in tokens.
        entropy: Entropy of the weights of a query, divided by ``log N``: 1 is uniform attention, 0
            is attention to one token.
    """

    share: float
    mean_distance: float
    entropy: float


@dataclass(frozen=True)
class AttentionDistance:
    """How far one attention looks on a grid of tokens.

    Args:
        name: Name of the module.
        kind: Name of its class.
        height: Rows of the grid.
        width: Columns of the grid.
        radius: The radius of the shares.
        heads: The reach of each head, over its queries with weights; None for a head without such
            a query.
        empty: Share of the queries whose weights are all zero. They are in no other number.
        uniform: The reach of equal weights for all tokens, over all queries of the same grid.
    """

    name: str
    kind: str
    height: int
    width: int
    radius: int
    heads: tuple[Reach | None, ...]
    empty: float
    uniform: Reach

    @property
    def mean(self) -> Reach | None:
        """The mean over the heads that have queries with weights; None if no head has any."""
        return mean_reach(self.heads)

    @property
    def spread(self) -> Reach | None:
        """The standard deviation over the same heads."""
        return _over(self.heads, lambda values: values.std(correction=0))


def mean_reach(several: Iterable[Reach | None]) -> Reach | None:
    """Return the mean of each number.

    Args:
        several: None is left out.

    Returns:
        The mean; None if there is nothing to average.
    """
    return _over(several, torch.mean)


def _over(several: Iterable[Reach | None], number: Callable[[Tensor], Tensor]) -> Reach | None:
    known = [one for one in several if one is not None]
    if not known:
        return None
    columns = ([getattr(one, field.name) for one in known] for field in fields(Reach))
    return Reach(*(float(number(torch.tensor(x, dtype=torch.float64))) for x in columns))


def uniform_reach(height: int, width: int, radius: int = RADIUS) -> Reach:
    """Return the reach of uniform attention.

    The number of pairs of tokens at each distance is counted by rows and by columns, without the
    list of all pairs.

    Args:
        height: Rows of the grid.
        width: Columns of the grid.
        radius: The radius of the share.
    """
    rows, columns = (_pairs(side) for side in (height, width))
    pairs = rows[:, None] * columns / (height * width) ** 2  # [H, W], of sum 1
    distance = torch.arange(height)[:, None] + torch.arange(width)
    return Reach(
        share=float(pairs[distance <= radius].sum()),
        mean_distance=float((pairs * distance).sum()),
        entropy=1.0 if height * width > 1 else 0.0,
    )


def _pairs(side: int) -> Tensor:
    """Return how many ordered pairs of positions on a line have the distance 0, 1, ..."""
    pairs = 2.0 * (side - torch.arange(side, dtype=torch.float64))
    pairs[0] = side
    return pairs


class DistanceSums:
    """Sums over the queries of one attention, block by block.

    The weights of a query are divided by their sum. Queries whose weights are all zero only count
    as empty. All sums are in float64, but ``w log w`` is in the precision of the weights.

    Args:
        heads: Number of heads.
        height: Rows of the grid.
        width: Columns of the grid.
        radius: The radius of the shares.
    """

    def __init__(self, heads: int, height: int, width: int, radius: int = RADIUS) -> None:
        self.grid = height, width
        self.radius = radius
        # Share, mean distance and entropy of all queries of a head.
        self._reach = torch.zeros(heads, 3, dtype=torch.float64)
        self._queries = torch.zeros(heads, dtype=torch.float64)
        self._empty = 0.0

    def add(self, weights: Tensor, queries: slice) -> None:
        """Add the weights of a block of queries.

        Args:
            weights: ``[T*B, heads, n, N]``, not negative.
            queries: Which queries they are.

        Raises:
            ValueError: The shape is another one, or a weight is negative or not finite.
        """
        distance = _distances(*self.grid, queries, weights.device)  # [n, N]
        shape = (len(self._reach), *distance.shape)
        if weights.dim() != 4 or weights.shape[1:] != shape:
            raise ValueError(
                f'token_scores gives weights of shape {list(weights.shape)}, expected [images, '
                f'{shape[0]} heads, {shape[1]} queries, {shape[2]} tokens]'
            )
        # One product for all sums, because a block is larger than the cache of a CPU.
        ones = torch.ones_like(distance)
        columns = torch.stack([ones, distance <= self.radius, distance], -1)  # [n, N, 3]
        sums = torch.einsum('bhqn,qnk->bhqk', weights.double(), columns.double())
        total = sums[..., :1]  # [T*B, heads, n, 1]
        if not bool((weights.min() >= 0) & total.isfinite().all()):
            raise ValueError('token_scores gives weights that are negative or not finite')
        known = total > 0
        total = total.masked_fill(~known, 1)
        nats = total.log() - _sum_of_logs(weights) / total
        entropy = nats / math.log(max(2, distance.size(1)))
        reach = torch.cat([sums[..., 1:] / total, entropy], -1)
        self._reach += (reach * known).sum((0, 2)).cpu()
        self._queries += known.sum((0, 2, 3)).cpu()
        self._empty += float((~known).sum())

    def add_all(self, scores: Scores, size: int) -> None:
        """Add the weights of all queries, block by block.

        Args:
            scores: See :data:`Scores`.
            size: Number of queries in a block.
        """
        tokens = self.grid[0] * self.grid[1]
        for start in range(0, tokens, size):
            block = slice(start, min(start + size, tokens))
            self.add(scores(block), block)

    def distance(self, name: str, kind: str) -> AttentionDistance:
        """Return the numbers that follow from the sums; see :class:`AttentionDistance`."""
        sums = zip(self._reach.tolist(), self._queries.tolist(), strict=True)
        heads = tuple(
            Reach(*(value / number for value in reach)) if number else None
            for reach, number in sums
        )
        empty = self._empty / (self._empty + float(self._queries.sum()))
        uniform = uniform_reach(*self.grid, self.radius)
        return AttentionDistance(name, kind, *self.grid, self.radius, heads, empty, uniform)


def _sum_of_logs(weights: Tensor) -> Tensor:
    """Return the sum of ``w log w`` over tokens, ``[T*B, heads, n, N] -> [T*B, heads, n, 1]``."""
    weights = weights if weights.dtype == torch.float64 else weights.float()
    logs = weights.clamp_min(torch.finfo(weights.dtype).tiny).log_()
    return logs.mul_(weights).sum(-1, keepdim=True).double()


def _distances(height: int, width: int, queries: slice, device: torch.device) -> Tensor:
    """Return the Manhattan distance of a block of queries to all tokens, ``[n, N]``."""
    place = torch.arange(height * width, device=device)
    row, column = place // width, place % width
    return (row[queries, None] - row).abs() + (column[queries, None] - column).abs()
