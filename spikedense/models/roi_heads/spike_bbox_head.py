"""Spiking box head (mmdet)."""

from typing import Any

from mmdet.models.roi_heads.bbox_heads import ConvFCBBoxHead
from torch import Tensor, nn

from spikedense.neurons import build_neuron
from spikedense.registry import MODELS

from ..layers import SpikeConv, SpikeLinear, fold_time, head_neuron, mean_over_time, unfold_time


@MODELS.register_module()
class SpikeConvFCBBoxHead(ConvFCBBoxHead):
    """Classes and boxes of RoIs (SpikeConvFCBBoxHead; by default SharedSpike2FCBBoxHead).

    ``x = Linear(SN(flatten(x)))``, ``x = Linear(SN(x))``, ``cls, reg = mean_t(Linear(x))``. The
    published head has no neuron in front of the two predictors, so they read real values. With
    ``spike_before_predictor`` they read spikes, and the whole head is spike-driven.

    Args:
        num_shared_convs, num_shared_fcs, num_cls_convs, num_cls_fcs, num_reg_convs, num_reg_fcs:
            Number of layers in the shared part and in the branches; see mmdet's
            ``ConvFCBBoxHead``.
        spike_before_predictor: Whether there is a neuron in front of ``fc_cls`` and ``fc_reg``.
        neuron_cfg: Default ``dict(type='NILIF', D=4)``.
        **kwargs: Arguments of mmdet's ``ConvFCBBoxHead``. ``norm_cfg`` is the norm behind each
            convolution and each linear layer, except the predictors.
    """

    no_nir = 'the mean over time has no NIR node'
    init_cfg: Any

    def __init__(
        self,
        num_shared_fcs: int = 2,
        spike_before_predictor: bool = False,
        neuron_cfg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.neuron_cfg = head_neuron('SpikeConvFCBBoxHead', neuron_cfg)
        super().__init__(num_shared_fcs=num_shared_fcs, **kwargs)
        for key, only in (('with_avg_pool', False), ('conv_cfg', None)):
            if getattr(self, key) != only:
                raise ValueError(f'SpikeConvFCBBoxHead: {key}={kwargs[key]!r}, expected {only}')
        if kwargs.get('init_cfg') is None:
            # mmdet's last entry would initialise the norms of the linear layers as weights. mmdet's
            # convolutions are ConvModules, which initialise themselves.
            linear = dict(type='Xavier', layer='Linear', distribution='uniform')
            convs = dict(type='Kaiming', layer='Conv2d')
            self.init_cfg = [linear, convs, *self.init_cfg[:-1]]
        self.spike_before_predictor = spike_before_predictor
        # One neuron is enough for two predictors that read the same potentials.
        count = 1 if self._trunk_is_shared() else 2
        self.predictor_neurons = nn.ModuleList(
            build_neuron(self.neuron_cfg) for _ in range(count if spike_before_predictor else 0)
        )

    def _trunk_is_shared(self) -> bool:
        branches = (self.cls_convs, self.cls_fcs, self.reg_convs, self.reg_fcs)
        return not any(len(branch) for branch in branches)

    def _add_conv_fc_branch(
        self,
        num_branch_convs: int,
        num_branch_fcs: int,
        in_channels: int,
        is_shared: bool = False,
    ) -> tuple[nn.ModuleList, nn.ModuleList, int]:
        """Build a spiking branch. mmdet's constructor calls this method for each branch."""
        layer: dict[str, Any] = dict(neuron_cfg=self.neuron_cfg, norm_cfg=self.norm_cfg)
        width = in_channels
        convs, fcs = nn.ModuleList(), nn.ModuleList()
        for _ in range(num_branch_convs):
            convs.append(SpikeConv(width, self.conv_out_channels, 3, **layer))
            width = self.conv_out_channels
        if num_branch_fcs and (is_shared or self.num_shared_fcs == 0):
            width *= self.roi_feat_area
        for _ in range(num_branch_fcs):
            fcs.append(SpikeLinear(width, self.fc_out_channels, **layer))
            width = self.fc_out_channels
        return convs, fcs, width

    def forward(self, x: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """Predict scores and box deltas.

        Args:
            x: RoI features, ``[T, N, C, h, w]``.

        Returns:
            ``[N, num_classes + 1]`` and ``[N, 4 * num_classes]`` (``[N, 4]`` if class-agnostic),
            means over T; None for a predictor that the head does not have.
        """
        x = _run(x, self.shared_convs, self.shared_fcs)
        neurons = list(self.predictor_neurons)
        if self._trunk_is_shared():
            x = _vectors(neurons[0](x) if neurons else x)
            x_cls = x_reg = x
        else:
            x_cls = _vectors(_run(x, self.cls_convs, self.cls_fcs))
            x_reg = _vectors(_run(x, self.reg_convs, self.reg_fcs))
            if neurons:
                x_cls, x_reg = neurons[0](x_cls), neurons[1](x_reg)
        scores = _mean_of(self.fc_cls, x_cls) if self.with_cls else None
        deltas = _mean_of(self.fc_reg, x_reg) if self.with_reg else None
        return scores, deltas


def _vectors(x: Tensor) -> Tensor:
    """Turn ``[T, N, C, h, w]`` into ``[T, N, C*h*w]``; vectors stay unchanged."""
    return x.flatten(2)


def _run(x: Tensor, convs: nn.ModuleList, fcs: nn.ModuleList) -> Tensor:
    """Run convolutions on ``[T, N, C, h, w]``, then linear layers on ``[T, N, C*h*w]``."""
    for conv in convs:
        x = conv(x)
    for fc in fcs:
        x = fc(_vectors(x))
    return x


def _mean_of(predictor: nn.Module, x: Tensor) -> Tensor:
    """Compute ``mean_t(predictor(x))``, ``[T, N, C] -> [N, K]``."""
    return mean_over_time(unfold_time(predictor(fold_time(x)), x.size(0)))
