"""Where the neurons of a model fire: one map for an image."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikedense.neurons import BaseNeuron


class FiringMap:
    """The mean firing rate of a model's neurons at each place, filled by forward passes.

    Only maps ``[T, B, C, H, W]`` count. The rate of a neuron is averaged over time steps and
    channels, and all neurons have the same weight.
    """

    def __init__(self) -> None:
        self._maps: list[Tensor] = []

    @contextmanager
    def watch(self, model: nn.Module) -> Iterator['FiringMap']:
        """Note the maps of all neurons of a model inside of the ``with`` block.

        Args:
            model: The model or a part of it.

        Yields:
            This object.
        """
        with ExitStack() as stack:
            for module in model.modules():
                if isinstance(module, BaseNeuron):
                    stack.callback(module.register_forward_hook(self._note).remove)
            yield self

    def _note(self, neuron: Any, _: tuple, out: Tensor) -> None:
        if out.dim() == 5 and out.shape[-2] > 1:
            rate = out.detach().float() * (neuron.scale / neuron.D)
            self._maps.append(rate.mean(dim=(0, 2)))  # [B, H, W]

    def of_image(self, size: tuple[int, int], index: int = 0) -> Tensor:
        """Return the mean of all maps of an image.

        Args:
            size: Height and width of the result; each map is scaled to this size.
            index: Index of the image in its batch.

        Returns:
            Rates from 0 to 1, ``[H, W]``.

        Raises:
            ValueError: No neuron has sent a map.
        """
        if not self._maps:
            raise ValueError('no neuron of the model has sent a map [T, B, C, H, W]')
        scaled = [
            F.interpolate(x[index][None, None], size, mode='bilinear', align_corners=False)[0, 0]
            for x in self._maps
        ]
        return torch.stack(scaled).mean(dim=0)
