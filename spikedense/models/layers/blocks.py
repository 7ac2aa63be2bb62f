"""Residual blocks. A shortcut adds membrane potentials, ``x = x + f(SN(x))``, or sums spikes."""

from collections.abc import Mapping
from typing import Any, cast

import torch
from mmengine.model import BaseModule, ModuleDict
from torch import Tensor, nn

from spikedense.neurons import build_neuron
from spikedense.utils.answers import Folding, Unfoldable, is_exactly

from .drop_path import DropPath
from .folding import out_layer, scale_output
from .spike_sum import SpikeSum


class LayerScale(nn.Module):
    """Learnable scale of a branch's channels.

    Args:
        channels: Channels.
        init: Start value of all scales.
    """

    def __init__(self, channels: int, init: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), init))

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        return x * self.weight[:, None, None]


class SpikeBlock(BaseModule):
    """Adds branches to the membrane, one after the other: ``x = x + branch(x)``.

    Args:
        channels: Channels.
        branches: Name -> branch, ``[T, B, C, H, W] -> [T, B, C, H, W]``, in running order.
        drop_path: Rate of stochastic depth of each branch.
        layer_scale: Start value of a learnable scale of each branch, or a dict with that of some
            branches, by their names; None for no scales.
    """

    def __init__(
        self,
        channels: int,
        branches: Mapping[str, nn.Module],
        drop_path: float = 0.0,
        layer_scale: float | Mapping[str, float] | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.branches = ModuleDict(dict(branches))
        self.drop_path = DropPath(drop_path)
        self.scales = nn.ModuleDict()
        if isinstance(layer_scale, int | float):
            layer_scale = dict.fromkeys(branches, layer_scale)
        for name, init in (layer_scale or {}).items():
            if name not in branches:
                raise ValueError(
                    f'layer_scale={layer_scale!r}, expected a number, or names of branches among '
                    f'{list(branches)}'
                )
            self.scales[name] = LayerScale(channels, init)

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        for name, branch in self.branches.items():
            y = branch(x)
            if name in self.scales:
                y = self.scales[name](y)
            x = x + self.drop_path(y)
        return x

    def summands(self) -> dict[str, nn.Module]:
        """Return the branches by their names below the block; scales must be folded before."""
        if len(self.scales):
            raise Unfoldable('its layer scales are not folded')
        return {f'branches.{name}': branch for name, branch in self.branches.items()}

    def fold_scales(self, steps: int | None) -> list[Folding]:
        """Fold each scale into the last layer of its branch."""
        done = []
        for name in list(self.scales):
            where = f'scales.{name}'
            scale = cast(LayerScale, self.scales[name])
            try:
                if not is_exactly(scale, LayerScale):
                    raise Unfoldable(f'{type(scale).__name__} is no LayerScale')
                scale_output(out_layer(self.branches[name]), scale.weight)
            except Unfoldable as refused:
                done.append(Folding('layer scale', where, str(refused)))
                continue
            del self.scales[name]
            done.append(Folding('layer scale', where))
        return done


class SpikeSumBlock(BaseModule):
    """Adds up spikes, one branch after the other: ``x = x + SN(branch(x))``.

    This is the block of Spikformer and QKFormer. The input is spikes or a sum of spikes, integers
    up to n; the output is integers up to ``n + D`` for each branch. The first weighted layers of a
    branch read these integers directly: mixers are built with ``reads_spikes=True``.

    Args:
        branches: Name -> branch, ``[T, B, C, H, W] -> [T, B, C, H, W]``, in running order; the
            branches end in a membrane potential.
        drop_path: Rate of stochastic depth of each branch.
        neuron_cfg: The neuron behind each branch.
    """

    def __init__(
        self,
        branches: Mapping[str, nn.Module],
        drop_path: float = 0.0,
        *,
        neuron_cfg: dict[str, Any],
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.branches = ModuleDict(dict(branches))
        self.neurons = nn.ModuleDict({name: build_neuron(neuron_cfg) for name in branches})
        self.sums = nn.ModuleDict({name: SpikeSum() for name in branches})
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        for name, branch in self.branches.items():
            spikes = self.neurons[name](branch(x))
            x = self.sums[name](x, self.drop_path(spikes))
        return x
