"""Residual networks whose blocks end in a neuron: SEW-ResNet and Spiking-ResNet."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import build_neuron
from spikedense.registry import MODELS

from ..layers import (
    DropPath,
    SpikeConv,
    SpikeInhibition,
    SpikeMaxPool,
    SpikeProduct,
    SpikeSum,
    SpikeTap,
)
from .base import SpikeBackbone
from .resnet import DEPTHS, ConvNeurons, read_arch, stage_widths

#: Widening of a bottleneck block.
_EXPANSION = 4
#: What joins the spikes of a block and of its shortcut, by the paper's names.
CONNECTIONS: dict[str, type[nn.Module]] = dict(ADD=SpikeSum, AND=SpikeProduct, IAND=SpikeInhibition)


class _SpikingResNet(SpikeBackbone):
    """A stem of stride 4, and stages of residual blocks at strides 4, 8, 16, 32.

    Convolution and norm of the stem run once on an image. A neuron and a max pooling of its spikes
    follow. The first block of each later stage halves the size.

    With ``small_stem``, the stem is a 3x3 convolution of stride 1 without a pooling, for images of
    32x32 pixels, as in ``ResNet_CIFAR`` of mmpretrain. Then the strides are 1, 2, 4, 8.

    Args:
        arch: 18, 34, 50, 101, 152; or a dict with ``depths``, ``base_channels`` (64),
            ``bottleneck`` (False) and ``small_stem`` (False).
        T: Number of time steps of an image.
        neuron_cfg: None means IF with the gradient of an arc tangent, as published.
        **kwargs: Other arguments of :class:`SpikeBackbone`, except ``channels`` and ``strides``.
    """

    paper = (
        '[Deep Residual Learning in Spiking Neural Networks](https://arxiv.org/abs/2102.04159), '
        'NeurIPS 2021'
    )
    arch_zoo: ClassVar[dict[int, dict[str, Any]]] = {
        size: dict(depths=depths, bottleneck=size >= 50) for size, depths in DEPTHS.items()
    }

    def __init__(
        self,
        arch: int | Mapping[str, Any] = 18,
        T: int = 4,
        neuron_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        size = read_arch(self, arch, base_channels=64, bottleneck=False, small_stem=False)
        widths, depths = stage_widths(size), size['depths']
        self._bottleneck = bool(size['bottleneck'])
        self._small_stem = bool(size['small_stem'])
        channels = [width * (_EXPANSION if self._bottleneck else 1) for width in widths]
        super().__init__(
            channels,
            [(1 if self._small_stem else 4) * 2**i for i in range(len(widths))],
            T=T,
            neuron_cfg=neuron_cfg or dict(type='IF', surrogate=dict(type='ATan', alpha=2.0)),
            **kwargs,
        )
        rates = self.drop_path_rates(depths)
        last = widths[0]
        for i, of_stage in enumerate(rates):
            blocks = []
            for j, rate in enumerate(of_stage):
                stride = 2 if i > 0 and j == 0 else 1
                blocks.append(self._block(last, widths[i], channels[i], stride, rate))
                last = channels[i]
            self.add_stage(self._stem_layers(widths[0]) if i == 0 else nn.Identity(), blocks, True)

    def _stem_layers(self, width: int) -> nn.Sequential:
        kernel, stride = (3, 1) if self._small_stem else (7, 2)
        conv = SpikeConv(self.in_channels, width, kernel, stride, norm_cfg=self.norm_cfg)
        layers: list[nn.Module] = [conv, build_neuron(self.neuron_cfg, width)]
        if not self._small_stem:
            layers.append(SpikeMaxPool(3, 2))
        return nn.Sequential(*layers)

    def _convs(self, last: int, width: int, channels: int, stride: int) -> list[SpikeConv]:
        """Build the convolutions of a block; the 3x3 one of a bottleneck has the stride."""
        norm = self.norm_cfg
        if not self._bottleneck:
            return [
                SpikeConv(last, width, 3, stride, norm_cfg=norm),
                SpikeConv(width, channels, 3, norm_cfg=norm),
            ]
        return [
            SpikeConv(last, width, norm_cfg=norm),
            SpikeConv(width, width, 3, stride, norm_cfg=norm),
            SpikeConv(width, channels, norm_cfg=norm),
        ]

    def _shortcut(self, last: int, channels: int, stride: int) -> SpikeConv | None:
        """Build the layer of a shortcut; None if the shortcut changes nothing."""
        if stride == 1 and last == channels:
            return None
        return SpikeConv(last, channels, 1, stride, norm_cfg=self.norm_cfg)

    @abstractmethod
    def _block(
        self, last: int, width: int, channels: int, stride: int, drop_path: float
    ) -> nn.Module:
        """Build a block of ``last`` to ``channels`` channels; ``width`` is inside of it."""


class SEWBlock(BaseModule):
    r"""Spike-element-wise block: both summands are spikes, :math:`y = g(\mathrm{SN}(F(x)), x)`.

    Args:
        convs: The convolutions with norms, each followed by a neuron.
        shortcut: Convolution of the shortcut, followed by a neuron, too; None for no convolution.
        connect: Joins shortcut and branch: a sum, a product, or an inhibition.
        drop_path: Rate of stochastic depth of the branch.
        neuron_cfg: The neuron.
    """

    def __init__(
        self,
        convs: list[SpikeConv],
        shortcut: SpikeConv | None,
        connect: nn.Module,
        drop_path: float,
        neuron_cfg: dict,
    ) -> None:
        super().__init__()
        self.branch = ConvNeurons(convs, len(convs), neuron_cfg)
        self.shortcut = None if shortcut is None else ConvNeurons([shortcut], 1, neuron_cfg)
        self.drop_path = DropPath(drop_path)
        self.connect = connect

    def forward(self, x: Tensor) -> Tensor:
        """Spikes ``[T, B, C_in, H, W] -> [T, B, C_out, H', W']``."""
        identity = x if self.shortcut is None else self.shortcut(x)
        return self.connect(identity, self.drop_path(self.branch(x)))


class PostSumBlock(BaseModule):
    r"""Block of Spiking-ResNet: a neuron behind the sum, :math:`y = \mathrm{SN}(F(x) + x)`.

    Args:
        convs: The convolutions with norms, each but the last one followed by a neuron.
        shortcut: Convolution of the shortcut, without a neuron; None adds the input's spikes to
            the membrane.
        drop_path: Rate of stochastic depth of the branch.
        neuron_cfg: The neuron.
    """

    def __init__(
        self,
        convs: list[SpikeConv],
        shortcut: SpikeConv | None,
        drop_path: float,
        neuron_cfg: dict,
    ) -> None:
        super().__init__()
        self.branch = ConvNeurons(convs, len(convs) - 1, neuron_cfg)
        self.shortcut: nn.Module = SpikeTap() if shortcut is None else shortcut
        self.drop_path = DropPath(drop_path)
        self.neuron = build_neuron(neuron_cfg, convs[-1].conv.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Spikes ``[T, B, C_in, H, W] -> [T, B, C_out, H', W']``."""
        return self.neuron(self.drop_path(self.branch(x)) + self.shortcut(x))


@MODELS.register_module()
class SEWResNet(_SpikingResNet):
    r"""SEW-ResNet, the spike-element-wise residual network (NeurIPS 2021).

    A block joins the spikes of its branch, :math:`A = \mathrm{SN}(F(x))`, with those of its
    shortcut, S. The shortcut of a block that changes the size has its own neuron.

    - ``ADD``: :math:`S + A`, integers that grow from block to block;
    - ``AND``: :math:`S A`, element by element;
    - ``IAND``: :math:`S (1 - A)`.

    Args:
        arch, T, neuron_cfg: See :class:`_SpikingResNet`.
        cnf: ``'ADD'``, ``'AND'`` or ``'IAND'``, the connecting function g. Only sums exist for
            neurons that emit integers, and only sums have stochastic depth.
        **kwargs: Other arguments of :class:`SpikeBackbone`, except ``channels`` and ``strides``.
    """

    def __init__(
        self,
        arch: int | Mapping[str, Any] = 18,
        cnf: str = 'ADD',
        T: int = 4,
        neuron_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        if cnf not in CONNECTIONS:
            raise ValueError(f'cnf={cnf!r}, expected one of {list(CONNECTIONS)}')
        if cnf != 'ADD' and kwargs.get('drop_path_rate'):
            raise ValueError(
                f"cnf={cnf!r} with drop_path_rate={kwargs['drop_path_rate']!r}, expected 'ADD' or "
                'a rate of 0: a dropped branch would not leave the shortcut as it is'
            )
        self.cnf = cnf
        super().__init__(arch, T, neuron_cfg, **kwargs)

    def _block(
        self, last: int, width: int, channels: int, stride: int, drop_path: float
    ) -> SEWBlock:
        neuron: Any = build_neuron(self.neuron_cfg, channels)
        if self.cnf != 'ADD' and (neuron.D, neuron.scale) != (1, 1):
            raise ValueError(
                f'cnf={self.cnf!r} with neuron_cfg={self.neuron_cfg}, expected a neuron that emits '
                "0 and 1, or cnf='ADD'"
            )
        return SEWBlock(
            self._convs(last, width, channels, stride),
            self._shortcut(last, channels, stride),
            CONNECTIONS[self.cnf](),
            drop_path,
            self.neuron_cfg,
        )


@MODELS.register_module()
class SpikingResNet(_SpikingResNet):
    """ResNet with a neuron in the place of each ReLU, the baseline of the SEW-ResNet paper.

    The neuron of a block is behind the residual sum, so a block cannot hand on its input unchanged.

    The study of the SPK blocks in SpikeAtConv has the same form with another stem. So the stem is
    an option of ``arch``, not a class: ``arch=dict(depths=[2, 2, 2, 2], small_stem=True)`` with the
    block as ``neuron_cfg``, ``dict(type='ReLU')`` for the twin.

    Args:
        arch, T, neuron_cfg: See :class:`_SpikingResNet`.
        **kwargs: Other arguments of :class:`SpikeBackbone`, except ``channels`` and ``strides``.
    """

    def _block(
        self, last: int, width: int, channels: int, stride: int, drop_path: float
    ) -> PostSumBlock:
        return PostSumBlock(
            self._convs(last, width, channels, stride),
            self._shortcut(last, channels, stride),
            drop_path,
            self.neuron_cfg,
        )
