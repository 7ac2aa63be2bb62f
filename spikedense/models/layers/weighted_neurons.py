"""The spiking activations (SPK blocks) of SpikeAtConv that have weights."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import WeightedNeuron, build_neuron
from spikedense.registry import MODELS

from .spike_conv import SpikeConv
from .spike_sum import SpikeTap

_KERNELS = (3, 5)


class SpikeMixer(BaseModule):
    """A ConvNeXt layer on spikes: ``x + BN(DWConv(x))``, real values.

    Args:
        channels: Channels of the map.
        kernel_size: Side of the depth-wise kernel.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int = 7,
        *,
        norm_cfg: dict[str, Any],
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.conv = SpikeConv(
            channels, channels, kernel_size, groups=channels, bias=False, norm_cfg=norm_cfg
        )
        # The shortcut is a synapse, too: in spike-driven inference it adds up the virtual steps.
        self.tap = SpikeTap()

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        return self.tap(x) + self.conv(x)


@MODELS.register_module()
class MixedMBPL(WeightedNeuron):
    r"""MBPL with ConvNeXt layers behind its LIFs, ``mix='convnext'`` in SpikeAtConv.

    .. math::
        Y = \sum_b g_b(\mathrm{LIF}_{\theta_b}(X)), \qquad
        Y = g\bigl(\textstyle\sum_b \mathrm{LIF}_{\theta_b}(X)\bigr) \text{ if shared}

    Each g is a :class:`SpikeMixer`. Its output is real values, so each layer that reads it
    multiplies. The neuron without mixing is ``MBPL``, whose integers are spikes.

    Args:
        channels: Channels of the map.
        thresholds: Threshold of each LIF.
        shared: Whether one ConvNeXt layer reads the sum of all LIFs.
        kernel_size: Side of the depth-wise kernels.
        norm_cfg: Norm of the ConvNeXt layers; None means ``dict(type='BN')``.
        **kwargs: Other arguments of ``MBPL``.
    """

    emits_reals = True

    def __init__(
        self,
        channels: int,
        thresholds: Sequence[float] = (0.2, 1.0, 2.0, 4.0),
        shared: bool = False,
        kernel_size: int = 7,
        norm_cfg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        whole = build_neuron(dict(type='MBPL', thresholds=thresholds, **kwargs))
        self.neurons = nn.ModuleList(
            [whole]
            if shared
            else (build_neuron(dict(type='MBPL', thresholds=[t], **kwargs)) for t in thresholds)
        )
        self.mixers = nn.ModuleList(
            SpikeMixer(channels, kernel_size, norm_cfg=norm_cfg or dict(type='BN'))
            for _ in self.neurons
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``, real values."""
        first, *others = (
            mixer(neuron(x)) for neuron, mixer in zip(self.neurons, self.mixers, strict=True)
        )
        return sum(others, first)


@MODELS.register_module()
class DCL(WeightedNeuron):
    """DCL of SpikeAtConv: a 3x3 and a 5x5 convolution, each with a LIF and half of the channels.

    The convolutions read membrane potentials, so they multiply; the output is spikes. The paper
    reports that DCL stops to learn on ImageNet after 40 epochs. Places with more channels than a
    block has, such as the hidden layer of an MLP, get SL instead: there, DCL would have most of the
    weights of a model.

    Args:
        channels: Channels of the map, an even number.
        thresholds: Threshold of each LIF.
        norm_cfg: Norm behind the convolutions; None for none, then they have a bias.
        **kwargs: Other arguments of ``SL``, except ``v_threshold``.
    """

    def __init__(
        self,
        channels: int,
        thresholds: Sequence[float] = (1.0, 1.0),
        norm_cfg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(f'neuron_cfg: DCL got {channels} channels, expected an even number')
        if not isinstance(thresholds, list | tuple) or len(thresholds) != len(_KERNELS):
            raise ValueError(
                f'neuron_cfg: thresholds={thresholds!r}, expected a list of 2 numbers above 0'
            )
        self.convs = nn.ModuleList(
            SpikeConv(channels, channels // 2, kernel, norm_cfg=norm_cfg) for kernel in _KERNELS
        )
        self.neurons = nn.ModuleList(
            build_neuron(dict(type='SL', v_threshold=threshold, **kwargs))
            for threshold in thresholds
        )

    @classmethod
    def hidden_cfg(cls, cfg: dict[str, Any]) -> dict[str, Any]:
        """See :class:`WeightedNeuron`."""
        own = ('type', 'thresholds', 'norm_cfg')
        return dict(type='SL', **{key: value for key, value in cfg.items() if key not in own})

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``, spikes."""
        pairs = zip(self.convs, self.neurons, strict=True)
        return torch.cat([neuron(conv(x)) for conv, neuron in pairs], 2)
