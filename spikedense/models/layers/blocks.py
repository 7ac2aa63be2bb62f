"""Residual blocks. Every shortcut adds membrane potentials: ``x = x + f(SN(x))``."""

import torch
from mmengine.model import BaseModule, ModuleDict
from torch import Tensor, nn

from .drop_path import DropPath


class LayerScale(nn.Module):
    """Learnable scale of a branch's channels.

    Args:
        channels: channels.
        init: value at the start.
    """

    def __init__(self, channels: int, init: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels,), init))

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        return x * self.weight[:, None, None]


class _ResidualBlock(BaseModule):
    """Adds branches one after the other.

    Args:
        channels: channels.
        branches: name -> branch, in order.
        drop_path: rate of stochastic depth of each branch.
        layer_scale: start value of a learnable scale of each branch; None for none.
        init_cfg: initialisation of mmengine.
    """

    def __init__(
        self,
        channels: int,
        branches: dict[str, nn.Module],
        drop_path: float = 0.0,
        layer_scale: float | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.branches = ModuleDict(branches)
        self.drop_path = DropPath(drop_path)
        self.scales = nn.ModuleDict()
        if layer_scale is not None:
            self.scales.update({name: LayerScale(channels, layer_scale) for name in branches})

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        for name, branch in self.branches.items():
            y = branch(x)
            if name in self.scales:
                y = self.scales[name](y)
            x = x + self.drop_path(y)
        return x


class SpikeConvBlock(_ResidualBlock):
    """Block of the first stages: token mixer (separable convolution), then channel mixer.

    Args:
        channels: channels.
        token_mixer: ``[T, B, C, H, W] -> [T, B, C, H, W]``.
        channel_mixer: the same.
        drop_path, layer_scale, init_cfg: see :class:`SpikeTransformerBlock`.
    """

    def __init__(
        self, channels: int, token_mixer: nn.Module, channel_mixer: nn.Module, **kwargs
    ) -> None:
        branches = dict(token_mixer=token_mixer, channel_mixer=channel_mixer)
        super().__init__(channels, branches, **kwargs)


class SpikeTransformerBlock(_ResidualBlock):
    """Block of the last stages: (convolution,) attention, MLP.

    Args:
        channels: channels.
        attn: self-attention, ``[T, B, C, H, W] -> [T, B, C, H, W]``.
        mlp: channel MLP, the same.
        conv: convolution in front (V3), the same; None for none (V2).
        drop_path: rate of stochastic depth of each branch.
        layer_scale: start value of a learnable scale of each branch; None for none.
        init_cfg: initialisation of mmengine.
    """

    def __init__(
        self,
        channels: int,
        attn: nn.Module,
        mlp: nn.Module,
        conv: nn.Module | None = None,
        **kwargs,
    ) -> None:
        branches = dict(attn=attn, mlp=mlp)
        if conv is not None:
            branches = dict(conv=conv, **branches)
        super().__init__(channels, branches, **kwargs)
