"""Spike-driven deformable attention (SDDA)."""

from collections.abc import Callable
from typing import Any

from mmengine.model import BaseModule, constant_init
from torch import Tensor, nn

from spikedense.neurons import build_neuron
from spikedense.ops import deform_sample
from spikedense.registry import MODELS

from ..folding import out_layer, scale_output
from ..legacy import tokens_as_map
from ..mixers.separable import SpikeSeparableConv
from ..spike_conv import SpikeConv
from ..time import fold_time, unfold_time

PROJECTIONS = ('esc', 'linear')
SPIKED = ('weight', 'value')


class DeformSample(nn.Module):
    """Weighted sums of bilinear samples: a module, so that a twin can replace it.

    Args:
        kernel_size: Side of the kernel.
    """

    no_nir = 'deformable sampling has no NIR node'

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        #: An attribute, so that another implementation of the same sums can replace it.
        self.function: Callable[..., Tensor] = deform_sample

    def forward(self, value: Tensor, offset: Tensor, weight: Tensor) -> Tensor:
        """Sample, see :func:`spikedense.ops.deform_sample`; returns ``[N, C, H, W]``."""
        return self.function(value, offset, weight, self.kernel_size)


@MODELS.register_module()
class SpikeDrivenDeformableAttention(BaseModule):
    r"""SDDA: a pixel adds up real-valued samples with *spiking* weights (Spike2Former, eqs. 4-8).

    .. math::
        v &= W_v(x), \qquad z = \mathrm{SN}(\mathrm{BN}(\mathrm{DWConv}(\mathrm{SN}(x)))) \\
        \Delta p &= \mathrm{BN}(W_\Delta z), \qquad A = \mathrm{SN}(\mathrm{BN}(W_A z)) \\
        y &= W_o\Bigl(\sum_k A_k(p) \, v(p + p_k + \Delta p_k(p))\Bigr)

    :math:`W_v` and :math:`W_o` are efficient spiking convolutions. There is no softmax.
    :math:`W_\Delta` and :math:`W_A` start at zero. At zero, the straight-through gradient of the
    weights A is not zero only if the window of the neuron is closed.

    Args:
        channels: Channels of input and output.
        num_groups: Number of groups G; each group has its own offsets and weights.
        kernel_size: Side of the kernel, ``K = kernel_size ** 2`` points.
        dw_kernel_size: Side of the depth-wise kernels, also of those in the projections.
        proj: ``'esc'``, or ``'linear'`` for neuron, 1x1 convolution and norm (an ablation).
        dwconv: Whether a depth-wise convolution comes before offsets and weights.
        spike: ``'weight'`` makes the weights A spikes; ``'value'`` makes v spikes instead (an
            ablation).
        legacy_layout: Whether the channels-first maps of offsets and weights are read as
            channels-last, as in the released code. A pixel then uses numbers of other pixels.
    """

    def __init__(
        self,
        channels: int,
        num_groups: int = 32,
        kernel_size: int = 3,
        dw_kernel_size: int = 5,
        proj: str = 'esc',
        dwconv: bool = True,
        spike: str = 'weight',
        legacy_layout: bool = False,
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if channels % num_groups:
            raise ValueError(f'num_groups={num_groups}, expected a divisor of {channels} channels')
        if proj not in PROJECTIONS:
            raise ValueError(f'proj={proj!r}, expected one of {PROJECTIONS}')
        if spike not in SPIKED:
            raise ValueError(f'spike={spike!r}, expected one of {SPIKED}')
        self.num_groups = num_groups
        self.kernel_size = kernel_size
        self.sample = DeformSample(kernel_size)
        self.legacy_layout = legacy_layout
        cfg: dict[str, Any] = dict(neuron_cfg=neuron_cfg, norm_cfg=norm_cfg)
        points = num_groups * kernel_size**2

        def projection() -> nn.Module:
            if proj == 'esc':
                return SpikeSeparableConv(channels, dw_kernel_size, **cfg)
            return SpikeConv(channels, channels, **cfg)

        self.value_proj = projection()
        self.dwconv = (
            SpikeConv(channels, channels, dw_kernel_size, groups=channels, **cfg)
            if dwconv
            else None
        )
        self.neuron = build_neuron(neuron_cfg)
        heads: dict[str, Any] = dict(bias=True, norm_cfg=norm_cfg)
        self.offset_conv = SpikeConv(channels, 2 * points, **heads)
        self.weight_conv = SpikeConv(channels, points, **heads)
        self.value_neuron = build_neuron(neuron_cfg) if spike == 'value' else None
        self.weight_neuron = build_neuron(neuron_cfg) if spike == 'weight' else None
        self.out_proj = projection()

    def init_weights(self) -> None:
        """Initialise the weights; offsets and sampling weights start at zero."""
        super().init_weights()
        for layer in (self.offset_conv, self.weight_conv):
            constant_init(layer.conv, 0)

    def out_layer(self) -> nn.Module:
        """Return the layer that gives the output."""
        return out_layer(self.out_proj)

    def absorb(self, child: str, which: int, factor: float) -> None:
        """Fold a factor of the spiking operand into the layer that gives the real operand."""
        real = self.value_proj if which == 2 else self.weight_conv
        scale_output(out_layer(real), factor)

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        value = self.value_proj(x)
        z = self.neuron(x if self.dwconv is None else self.dwconv(x))
        offset, weight = self.offset_conv(z), self.weight_conv(z)
        if self.value_neuron is not None:
            value = self.value_neuron(value)
        if self.weight_neuron is not None:
            weight = self.weight_neuron(weight)
        if self.legacy_layout:
            offset, weight = tokens_as_map(offset), tokens_as_map(weight)
        points = (self.num_groups, self.kernel_size**2)
        out = self.sample(
            fold_time(value),
            fold_time(offset).unflatten(1, (*points, 2)),
            fold_time(weight).unflatten(1, points),
        )
        return self.out_proj(unfold_time(out, x.size(0)))
