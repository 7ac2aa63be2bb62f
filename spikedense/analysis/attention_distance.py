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
    distance = torch.arange(height)[:, None] + torch.arange(width)  # [H, W]
    pairs = torch.bincount(distance.flatten(), (rows[:, None] * columns).flatten())
    return _reach(pairs / (height * width) ** 2, math.log(height * width), height * width, radius)


def _pairs(side: int) -> Tensor:
    """Return how many ordered pairs of positions on a line have the distance 0, 1, ..."""
    pairs = 2.0 * (side - torch.arange(side, dtype=torch.float64))
    pairs[0] = side
    return pairs


def _reach(mass: Tensor, entropy: float, tokens: int, radius: int) -> Reach:
    """Return the reach: mass by distance ``[distances]``, of sum 1; entropy in nats."""
    return Reach(
        share=float(mass[: radius + 1].sum()),
        mean_distance=float(mass @ torch.arange(len(mass), dtype=mass.dtype)),
        entropy=entropy / math.log(tokens) if tokens > 1 else 0.0,
    )


class DistanceSums:
    """Sums over the queries of one attention, block by block.

    The weights of a query are divided by their sum. Queries whose weights are all zero only count
    as empty. All sums are in float64.

    Args:
        heads: Number of heads.
        height: Rows of the grid.
        width: Columns of the grid.
    """

    def __init__(self, heads: int, height: int, width: int) -> None:
        self.grid = height, width
        self._mass = torch.zeros(heads, height + width - 1, dtype=torch.float64)
        self._entropy = torch.zeros(heads, dtype=torch.float64)
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
        height, width = self.grid
        heads, distances = self._mass.shape
        near = _distances(height, width, queries, weights.device)  # [n, N]
        if weights.dim() != 4 or weights.shape[1:] != (heads, *near.shape):
            raise ValueError(
                f'token_scores gives weights of shape {list(weights.shape)}, expected [images, '
                f'{heads} heads, {near.size(0)} queries, {near.size(1)} tokens]'
            )
        total = weights.sum(-1, keepdim=True, dtype=torch.float64)  # [T*B, heads, n, 1]
        if not bool((weights >= 0).all() & total.isfinite().all()):
            raise ValueError('token_scores gives weights that are negative or not finite')
        rows = weights / total.masked_fill(total == 0, 1)
        entropy = torch.special.entr(rows).sum((0, 2, 3))  # [heads]
        first = distances * torch.arange(heads, device=near.device)  # of each head
        place = first[:, None, None] + near  # [heads, n, N]
        mass = torch.bincount(place.flatten(), rows.sum(0).flatten(), heads * distances)
        self._mass += mass.view(heads, distances).cpu()
        self._entropy += entropy.cpu()
        self._queries += (total > 0).sum((0, 2, 3)).cpu()
        self._empty += float((total == 0).sum())

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

    def distance(self, name: str, kind: str, radius: int) -> AttentionDistance:
        """Return the numbers that follow from the sums; see :class:`AttentionDistance`."""
        height, width = self.grid
        sums = zip(self._mass, self._entropy.tolist(), self._queries.tolist(), strict=True)
        heads = tuple(
            _reach(mass / number, entropy / number, height * width, radius) if number else None
            for mass, entropy, number in sums
        )
        empty = self._empty / (self._empty + float(self._queries.sum()))
        uniform = uniform_reach(height, width, radius)
        return AttentionDistance(name, kind, height, width, radius, heads, empty, uniform)


def _distances(height: int, width: int, queries: slice, device: torch.device) -> Tensor:
    """Return the Manhattan distance of a block of queries to all tokens, ``[n, N]``."""
    place = torch.arange(height * width, device=device)
    row, column = place // width, place % width
    return (row[queries, None] - row).abs() + (column[queries, None] - column).abs()
