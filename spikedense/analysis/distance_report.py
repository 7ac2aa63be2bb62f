"""How far the attentions of a model look, measured in its forward passes."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn

from spikedense.tracing import network_outputs
from spikedense.utils.answers import Unfoldable
from spikedense.utils.unwrap import unwrap

from .answering import answering, first_input
from .attention_distance import RADIUS, AttentionDistance, DistanceSums, Reach, mean_reach

#: Weights in memory at once: 8 MiB in float64. Larger blocks leave the cache of a CPU.
BUDGET = 2**20


class DistanceMeter:
    """Measure how far the attentions of a model look, inside of a ``with`` block.

    An attention answers ``token_scores(x)`` with a function that gives the weights of a block of
    queries. An attention that is called on several grids has one row for each grid.

    Args:
        model: The model, maybe inside a wrapper.
        radius: The radius of the shares.
        budget: Largest number of weights in memory.

    Attributes:
        model: The model inside of the wrappers.
        refused: Name of each attention that inherits an answer which may be wrong, or that has no
            weights with its settings -> the reason.

    Raises:
        ValueError: The radius is negative, or no attention of the model answers.
    """

    def __init__(self, model: nn.Module, radius: int = RADIUS, budget: int = BUDGET) -> None:
        self.model = unwrap(model)
        if radius < 0:
            raise ValueError(f'radius={radius}, expected a distance of at least 0')
        self.radius = radius
        self.budget = budget
        self._attentions, self.refused = answering(self.model, 'token_scores')
        if not self._attentions:
            raise ValueError(
                f'{type(self.model).__name__} has no attention that tells its weights '
                f'(token_scores), expected at least one{self.reasons()}'
            )
        self._sums: dict[str, dict[tuple[int, int], DistanceSums]] = {}
        self._hooks: list[Any] = []

    def __enter__(self) -> 'DistanceMeter':
        for name, module in self._attentions.items():
            hook = module.register_forward_pre_hook(self._watch(name), with_kwargs=True)
            self._hooks.append(hook)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._hooks:
            self._hooks.pop().remove()

    def _watch(self, name: str) -> Any:
        @torch.no_grad()
        def add(module: Any, args: tuple, kwargs: dict[str, Any]) -> None:
            x = first_input(args, kwargs)  # [T, B, C, H, W]
            if x.numel() == 0:
                return  # of an image without RoIs
            height, width = x.shape[-2:]
            try:
                scores = module.token_scores(x)
            except Unfoldable as reason:
                self.refused[name] = str(reason)
                return
            one = scores(slice(0, 1))  # [T*B, heads, 1, N]
            known = self._sums.setdefault(name, {})
            if (height, width) not in known:
                known[height, width] = DistanceSums(one.size(1), height, width, self.radius)
            try:
                known[height, width].add_all(scores, max(1, self.budget // one.numel()))
            except ValueError as exc:
                raise ValueError(f"attention '{name}': {exc}") from exc

        return add

    def reasons(self) -> str:
        """Return the names of the refused attentions with their reasons, for an error."""
        return ''.join(f"; '{name}': {why}" for name, why in self.refused.items())

    def distances(self) -> list[AttentionDistance]:
        """Return the numbers of each attention that was called, in the order of the model."""
        return [
            sums.distance(name, type(self._attentions[name]).__name__)
            for name in self._attentions
            for sums in self._sums.get(name, {}).values()
        ]


@torch.no_grad()
def distance_report(
    meter: DistanceMeter, images: Iterable[Tensor], source: str = 'random numbers'
) -> dict[str, Any]:
    """Measure how far the attentions of a model look on images.

    Args:
        meter: A new meter of a model of mmseg, mmdet or mmpretrain, or of any module that reads
            images. The model is in eval mode.
        images: Batches of normalised images, ``[B, C, H, W]``. One batch is kept at a time.
        source: Where the images come from, for the report.

    Returns:
        Plain values for JSON.

    Raises:
        ValueError: The model is in training mode, there are no images, no attention is called, or
            an attention gives weights that are none.
    """
    kind = type(meter.model).__name__
    if meter.model.training:
        raise ValueError(f'{kind} is in training mode, expected model.eval()')
    number, size = 0, [0, 0]
    with meter:
        for batch in images:
            number, size = number + batch.size(-4), list(batch.shape[-2:])
            network_outputs(meter.model, batch)
    if not number:
        raise ValueError('attention distance: there are no images, expected at least one')
    found = report_of(meter, number, size, source)
    if not found['attentions']:
        raise ValueError(
            f'{kind}: the forward pass calls no attention that tells its weights{meter.reasons()}'
        )
    return found


def report_of(
    meter: DistanceMeter, number: int, size: Sequence[int], source: str = 'random numbers'
) -> dict[str, Any]:
    """Return what a meter has measured so far.

    Args:
        meter: The meter.
        number: Number of images that the model has read inside of the ``with`` block.
        size: Their height and width.
        source: Where the images come from.

    Returns:
        Plain values for JSON; without attentions if none was called.
    """
    found = meter.distances()
    return dict(
        model=type(meter.model).__name__,
        radius=meter.radius,
        image_size=list(size),
        images=number,
        source=source,
        attentions=[_plain(one) for one in found],
        mean=_values(mean_reach(one.mean for one in found)),
        uniform=_values(mean_reach(one.uniform for one in found)),
        refused=meter.refused,
    )


def _plain(one: AttentionDistance) -> dict[str, Any]:
    """Return the numbers of an attention as plain values."""
    return dict(
        name=one.name,
        kind=one.kind,
        height=one.height,
        width=one.width,
        empty=one.empty,
        mean=_values(one.mean),
        spread=_values(one.spread),
        uniform=_values(one.uniform),
        heads=[_values(head) for head in one.heads],
    )


def _values(reach: Reach | None) -> dict[str, float] | None:
    return None if reach is None else asdict(reach)
