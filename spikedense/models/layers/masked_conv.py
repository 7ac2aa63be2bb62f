"""Convolutions that see a part of the patches, for masked pre-training."""

from collections.abc import Callable, Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.ops import guarded_norm

from .spike_conv import SpikeConv
from .time import fold_time, unfold_time


class PatchMask:
    """Which patches of a batch of images are visible. The masked layers of a network share one.

    Attributes:
        visible: Numbers of the visible patches of each image, row by row, ``[B, K]``; None: all
            patches are visible, and the layers are the dense ones.
        grid: Rows and columns of patches.
    """

    def __init__(self) -> None:
        self.visible: Tensor | None = None
        self.grid: tuple[int, int] = (1, 1)

    def apply(self, layer: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """Run a layer that mixes no positions on the visible patches; the others become zero.

        With the identity as the layer this is a product with the mask. A norm takes its statistics
        over the visible positions alone, because each visible patch is a small map of its own.

        Args:
            layer: ``[N, C, p, q] -> [N, C, p, q]`` for any N, p and q.
            x: ``[T*B, C, H, W]``, whose height and width are multiples of the grid's.

        Returns:
            ``[T*B, C, H, W]``.
        """
        if self.visible is None:
            return layer(x)
        (rows, columns), (batch, channels, height, width) = self.grid, x.shape
        if height % rows or width % columns:
            raise ValueError(
                f'a map of {height}x{width} for {rows}x{columns} patches, expected a whole number '
                'of positions for each patch'
            )
        sides = (height // rows, width // columns)
        # [N, C, rows, p, columns, q] -> [N*L, C, p, q]
        patches = x.reshape(batch, channels, rows, sides[0], columns, sides[1])
        patches = patches.permute(0, 2, 4, 1, 3, 5).reshape(-1, channels, *sides)
        visible = self.visible.repeat(batch // len(self.visible), 1)  # [T*B, K]
        first = rows * columns * torch.arange(batch, device=x.device)
        index = (visible + first[:, None]).flatten()
        seen = layer(patches.index_select(0, index))
        out = seen.new_zeros(patches.shape).index_copy(0, index, seen)
        out = out.reshape(batch, rows, columns, channels, *sides).permute(0, 3, 1, 4, 2, 5)
        return out.reshape(batch, channels, height, width)


class MaskedSpikeConv(SpikeConv):
    """:class:`SpikeConv` whose output is zero in masked patches, with the same parameters.

    The convolution is a dense one: the zeros of the masked patches are its padding. The norm takes
    its statistics over the visible positions. With all patches visible it is the dense layer.

    Args:
        layer: The dense layer, whose parts are taken over.
        mask: The mask, which all layers of a network share.
    """

    def __init__(self, layer: SpikeConv, mask: PatchMask) -> None:
        BaseModule.__init__(self, layer.init_cfg)
        self.neuron, self.conv, self.norm = layer.neuron, layer.conv, layer.norm
        self.mask = mask

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C_in, H, W] -> [T, B, C_out, H', W']``."""
        if self.neuron is not None:
            x = self.neuron(x)
        return unfold_time(self.mask.apply(self._norm, self.conv(fold_time(x))), x.size(0))

    def _norm(self, y: Tensor) -> Tensor:
        return y if self.norm is None else guarded_norm(self.norm, y)


def mask_convs(module: nn.Module, mask: PatchMask, dense: Sequence[str] = ()) -> None:
    """Replace each :class:`SpikeConv` of a module by a masked one, in place.

    Args:
        module: The module; it is no :class:`SpikeConv` itself.
        mask: The mask of the layers.
        dense: Names of children that stay as they are.

    Raises:
        ValueError: The module has a weighted layer or a norm outside of a :class:`SpikeConv`, whose
            output would leak into masked patches.
    """
    for name, child in list(module.named_children()):
        if name in dense:
            continue
        if type(child) is SpikeConv:
            setattr(module, name, MaskedSpikeConv(child, mask))
        elif next(child.parameters(recurse=False), None) is not None:
            raise ValueError(
                f'{type(child).__name__} cannot be masked, expected layers of type SpikeConv alone '
                'in front of the dense blocks'
            )
        else:
            mask_convs(child, mask)
