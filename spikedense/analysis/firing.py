"""Firing rates: what the neurons of a model emit, summed up pass by pass."""

from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.model import is_model_wrapper
from torch import Tensor, nn

from spikedense.neurons import BaseNeuron


@dataclass(frozen=True)
class FiringStatistics:
    """Of one neuron, over all elements and steps that were seen.

    Args:
        D: largest integer that it emits in a step.
        rate: mean integer over D: spikes per element and binary step.
        active: share of elements that emit something.
        saturated: share of elements that emit D.
    """

    D: int
    rate: float
    active: float
    saturated: float


class FiringMeter:
    """Watches every neuron of a model, from entering a ``with`` block to leaving it.

    No output is kept: three sums a neuron are.

    Args:
        model: the model.
    """

    def __init__(self, model: nn.Module) -> None:
        inner: Any = model.module if is_model_wrapper(model) else model
        self._neurons = {n: m for n, m in inner.named_modules() if isinstance(m, BaseNeuron)}
        if not self._neurons:
            raise ValueError(f'{type(inner).__name__} has no spiking neuron')
        #: Sum of integers, of non-zero ones, of those at D, and elements, for each neuron.
        self._sums: dict[str, Tensor] = {}
        self._hooks: list[Any] = []

    def __enter__(self) -> 'FiringMeter':
        for name, neuron in self._neurons.items():
            self._hooks.append(neuron.register_forward_hook(self._watch(name)))
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
        def add(neuron: BaseNeuron, _: tuple, out: Tensor) -> None:
            counts = (out.detach().float() * neuron.scale).round_()
            sums = torch.stack(
                [
                    counts.sum(dtype=torch.float64),
                    (counts > 0).sum().double(),
                    (counts >= neuron.D).sum().double(),
                    torch.tensor(counts.numel(), dtype=torch.float64, device=counts.device),
                ]
            )
            self._sums[name] = self._sums[name] + sums if name in self._sums else sums

        return add

    def statistics(self) -> dict[str, FiringStatistics]:
        """What was seen, over all processes.

        Returns:
            Name of each neuron that was called -> its statistics, in the order of the model.
        """
        found = {}
        for name, neuron in self._neurons.items():
            if name in self._sums:
                sums = self._sums[name].clone()
                all_reduce(sums)
                total, active, saturated, elements = sums.tolist()
                found[name] = FiringStatistics(
                    D=neuron.D,
                    rate=total / elements / neuron.D,
                    active=active / elements,
                    saturated=saturated / elements,
                )
        return found
