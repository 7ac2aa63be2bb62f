"""Maps read as strips of pixels, and the layer that mixes the pixels of a strip."""

from functools import cache
from logging import WARNING
from typing import Any

from mmcv.cnn import build_norm_layer
from mmengine.logging import print_log
from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import build_neuron
from spikedense.ops import guarded_norm
from spikedense.utils.answers import Folding, Unfoldable
from spikedense.utils.made_up import are_images_made_up

from ..folding import out_layer
from ..spike_conv import SpikeConv
from ..time import fold_time, unfold_time
from .channel import check_ratio


def as_strips(x: Tensor) -> Tensor:
    """Read a map as strips: ``[N, C, H, W] -> [N, H*W, C]``.

    The numbers stay in their order (channel, row, column) and only get other indices. This is no
    permutation: if C divides H*W, row n is a strip of C neighbouring pixels of one channel, and not
    one pixel of all channels. If C does not divide H*W, some strips end in the next channel.
    """
    return x.reshape(x.size(0), x.size(2) * x.size(3), x.size(1))


def as_map(x: Tensor, height: int, width: int) -> Tensor:
    """Read strips as a map, the inverse of :func:`as_strips`: ``[N, H*W, C] -> [N, C, H, W]``."""
    return x.reshape(x.size(0), x.size(2), height, width)


class SpikeStripLinear(BaseModule):
    """``Norm(Linear(SN(x)))`` on the strips of a map ``[T, B, C, H, W]``.

    The linear layer has no bias. It sees C pixels of one channel, and no other channel. Its outputs
    are written one after the other over ``out_channels`` maps, so an input channel fills
    ``out_channels / C`` of them, and each shows a part of the image that is stretched over the map.

    Attributes:
        trained_sizes: Sizes ``(H, W)`` that the layer saw in training. The layer remembers two;
            more would not change what it says. Checkpoints keep the sizes beside the weights.

    Args:
        channels: Channels of the input, and length of a strip.
        out_channels: Channels of the output.
        neuron_cfg: Neuron.
        norm_cfg: Norm of the output channels; None for no norm.
    """

    no_nir = 'a map that is read as strips has no NIR node'

    def __init__(
        self,
        channels: int,
        out_channels: int,
        neuron_cfg: dict,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.neuron = build_neuron(neuron_cfg)
        self.linear = nn.Linear(channels, out_channels, bias=False)
        nn.init.trunc_normal_(self.linear.weight, std=0.02)
        self.norm = None if norm_cfg is None else build_norm_layer(norm_cfg, out_channels)[1]
        self.trained_sizes: tuple[tuple[int, int], ...] = ()

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C_out, H, W]``."""
        height, width = x.shape[-2:]
        self._check_size(height, width)
        # Contiguous in front of the neuron, so that reading spikes as strips copies nothing.
        spikes = fold_time(self.neuron(x.contiguous()))
        y = as_map(self.linear(as_strips(spikes)), height, width)
        if self.norm is not None:
            y = guarded_norm(self.norm, y)
        return unfold_time(y, x.size(0))

    def fold_norm(self) -> list[Folding]:
        """Refuse: an output of the linear layer is a place in a strip, and no channel."""
        if self.norm is None:
            return []
        raise Unfoldable('its norm has a factor for each channel, its linear layer for each place')

    def _check_size(self, height: int, width: int) -> None:
        """Remember the size in training; warn at inference if it is another one."""
        size = (height, width)
        if size in self.trained_sizes:
            return
        if self.training:
            self.trained_sizes = (*self.trained_sizes, size)[:2]
        elif len(self.trained_sizes) == 1 and not are_images_made_up():
            _warn_of_size()


@cache
def _warn_of_size() -> None:
    """Warn once a process."""
    print_log(
        'a splash mixer runs on maps of another size than in training: its strips then have other '
        'places in the image, and the result can be worse',
        logger='current',
        level=WARNING,
    )


def linear_layer(
    layout: str, channels: int, out_channels: int, neuron_cfg: dict, norm_cfg: dict | None
) -> nn.Module:
    """Build ``Norm(Linear(SN(x)))`` without a bias, in one of the two layouts.

    Args:
        layout: ``'splash'`` for :class:`SpikeStripLinear`, ``'pointwise'`` for a 1x1 convolution,
            which mixes the channels of a pixel. Both have the same weights.
        channels: Channels of the input.
        out_channels: Channels of the output.
        neuron_cfg: Neuron.
        norm_cfg: Norm; None for no norm.
    """
    if layout == 'splash':
        return SpikeStripLinear(channels, out_channels, neuron_cfg, norm_cfg)
    layer = SpikeConv(channels, out_channels, bias=False, neuron_cfg=neuron_cfg, norm_cfg=norm_cfg)
    nn.init.trunc_normal_(layer.conv.weight, std=0.02)
    return layer


class TwoLayers(BaseModule):
    """A layer that widens the channels, and one that narrows them, each with a dropout behind it.

    Args:
        widen: The first layer.
        narrow: The second layer.
        drops: Rates of dropout behind the two layers.
    """

    def __init__(
        self,
        widen: nn.Module,
        narrow: nn.Module,
        drops: tuple[float, float],
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.widen = widen
        self.narrow = narrow
        self.widen_drop, self.narrow_drop = (nn.Dropout(rate) for rate in drops)

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        return self.narrow_drop(self.narrow(self.widen_drop(self.widen(x))))

    def out_layer(self) -> nn.Module:
        """Return the layer of the output channels; a layer on strips has none."""
        return out_layer(self.narrow)

    def chain(self) -> dict[str, Any] | None:
        """Return the layers in their order; None if one of them works on strips."""
        layers = dict(widen=self.widen, narrow=self.narrow)
        return layers if all(isinstance(x, SpikeConv) for x in layers.values()) else None


def check_choices(ratio: int, layout: str, norm: str, drop: float) -> None:
    """Check the arguments of a mixer of linear layers.

    Args:
        ratio: Ratio of hidden channels to channels.
        layout: ``'splash'`` or ``'pointwise'``.
        norm: ``'official'`` or ``'bn'``.
        drop: Rate of dropout.

    Raises:
        ValueError: One of them is another value.
    """
    check_ratio(ratio)
    if layout not in ('splash', 'pointwise'):
        raise ValueError(f"layout={layout!r}, expected 'splash' or 'pointwise'")
    if norm not in ('official', 'bn'):
        raise ValueError(f"norm={norm!r}, expected 'official' or 'bn'")
    if not isinstance(drop, int | float) or not 0 <= drop < 1:
        raise ValueError(f'drop={drop!r}, expected a rate of at least 0 and below 1')
