"""Spiking feature pyramid."""

from collections.abc import Sequence
from typing import Any

from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import neuron_or_default
from spikedense.registry import MODELS
from spikedense.utils.class_names import class_name

from ..layers import SpikeConv, resize_maps, with_time


@MODELS.register_module()
class SpikeFPN(BaseModule):
    """Feature pyramid with a neuron in front of every convolution (FPN_SNN, QFPN, SpikeFPN).

    ``lat_i = Conv1x1(SN(x_i))``; from the coarsest level on, the nearest up-sampling of ``lat_i``
    is added to ``lat_{i-1}`` (both membrane potentials); ``out_i = Conv3x3(SN(lat_i))``.

    The official V2 models use LIF and ``norm_cfg=None``. The official V3 models use integer neurons
    and ``norm_cfg=dict(type='BN'), bias=True``.

    Args:
        in_channels: Channels of the inputs.
        out_channels: Channels of all outputs.
        num_outs: Number of outputs; None means one for each input. More outputs than inputs give
            extra, coarser levels.
        add_extra_convs: If False, an extra level is every second pixel of the last output. If
            ``'on_input'``, it is a neuron and a 3x3 convolution of stride 2 on the last input (for
            further levels on the level before).
        bias: Whether convolutions have a bias; ``'auto'`` means only if there is no norm.
        neuron_cfg: Default ``dict(type='NILIF', D=4)``.
        norm_cfg: None means no norm.
        legacy_eval_clamp: Largest integer of integer neurons in eval mode. The released detection
            necks predict with 1. None means the largest integer of training.
        init_cfg: Default ``dict(type='Xavier', layer='Conv2d', distribution='uniform')``.
    """

    no_nir = 'up-sampling (nearest) has no NIR node'

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int,
        num_outs: int | None = None,
        add_extra_convs: bool | str = False,
        bias: bool | str = 'auto',
        neuron_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        legacy_eval_clamp: int | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg or dict(type='Xavier', layer='Conv2d', distribution='uniform'))
        num_outs = len(in_channels) if num_outs is None else num_outs
        if num_outs < len(in_channels):
            raise ValueError(f'num_outs={num_outs}, expected at least {len(in_channels)}')
        if add_extra_convs not in (False, 'on_input'):
            raise ValueError(f"add_extra_convs={add_extra_convs!r}, expected False or 'on_input'")
        self.in_channels = tuple(in_channels)
        self.out_channels = out_channels
        self.num_outs = num_outs
        self.add_extra_convs = add_extra_convs
        neuron_cfg = neuron_or_default(neuron_cfg)
        if legacy_eval_clamp is not None:
            neuron_cfg = _clamped(neuron_cfg, legacy_eval_clamp)
        cfg: dict[str, Any] = dict(bias=bias, neuron_cfg=neuron_cfg, norm_cfg=norm_cfg)
        self.lateral_convs = nn.ModuleList(
            SpikeConv(channels, out_channels, 1, **cfg) for channels in in_channels
        )
        self.fpn_convs = nn.ModuleList(
            SpikeConv(out_channels, out_channels, 3, **cfg) for _ in in_channels
        )
        num_extra = num_outs - len(in_channels) if add_extra_convs else 0
        for i in range(num_extra):
            channels = in_channels[-1] if i == 0 else out_channels
            self.fpn_convs.append(SpikeConv(channels, out_channels, 3, 2, **cfg))

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Build the pyramid.

        Args:
            inputs: Features, finest first, ``[T, B, C_i, H_i, W_i]`` or ``[B, C_i, H_i, W_i]``
                (one step).

        Returns:
            ``num_outs`` maps ``[T, B, out_channels, H_i, W_i]``.
        """
        if len(inputs) != len(self.in_channels):
            raise ValueError(
                f'SpikeFPN got {len(inputs)} inputs, expected {len(self.in_channels)} '
                '(one for each of in_channels)'
            )
        inputs = [with_time(x) for x in inputs]
        laterals = [conv(x) for conv, x in zip(self.lateral_convs, inputs, strict=True)]
        for i in range(len(laterals) - 1, 0, -1):
            laterals[i - 1] = laterals[i - 1] + resize_maps(
                laterals[i], laterals[i - 1].shape[-2:], mode='nearest'
            )
        outs = [conv(x) for conv, x in zip(self.fpn_convs, laterals, strict=False)]
        for i in range(len(laterals), self.num_outs):
            if self.add_extra_convs:
                outs.append(self.fpn_convs[i](inputs[-1] if i == len(laterals) else outs[-1]))
            else:
                outs.append(outs[-1][..., ::2, ::2])
        return tuple(outs)


def _clamped(neuron_cfg: dict[str, Any], eval_clamp: int) -> dict[str, Any]:
    """Return the config of an integer neuron with another largest integer in eval mode."""
    name = class_name(neuron_cfg)
    if name not in ('NILIF', 'ILIF'):
        raise ValueError(
            f'legacy_eval_clamp={eval_clamp!r} with a neuron of type={name!r}, expected NILIF or '
            'ILIF: other neurons have no integers to clamp'
        )
    norm = dict(norm=1) if name == 'ILIF' else {}
    return {**neuron_cfg, **norm, 'type': 'EvalClampedNILIF', 'eval_clamp': eval_clamp}
