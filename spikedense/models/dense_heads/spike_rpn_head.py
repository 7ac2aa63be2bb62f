"""Spiking region proposal network (mmdet)."""

from typing import Any

from mmdet.models.dense_heads import RPNHead
from torch import Tensor, nn

from spikedense.registry import MODELS

from ..layers import SpikeConv, head_neuron, mean_over_time, with_time


@MODELS.register_module()
class SpikeRPNHead(RPNHead):
    """Region proposals with a neuron in front of every convolution, as in SDT-V3 and ST-ERF.

    ``x = Conv3x3(SN(x))``, ``num_convs`` times; ``cls, reg = mean_t(Conv1x1(SN(x)))``. Anchors,
    losses and proposals are mmdet's. They get logits without a time axis.

    Args:
        in_channels: Channels of the features.
        neuron_cfg: Default ``dict(type='NILIF', D=4)``.
        norm_cfg: Norm behind each 3x3 convolution; None, as published, means no norm. The levels
            have different statistics. A batch norm is trained on each level in turn, and predicts
            with the average.
        **kwargs: Arguments of mmdet's ``RPNHead``.
    """

    no_nir = 'the mean over time has no NIR node'

    def __init__(
        self,
        in_channels: int,
        neuron_cfg: dict[str, Any] | None = None,
        norm_cfg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.neuron_cfg = head_neuron('SpikeRPNHead', neuron_cfg)
        self.norm_cfg = norm_cfg
        super().__init__(in_channels, **kwargs)

    def _init_layers(self) -> None:
        """Build the layers. mmdet's constructor calls this method."""
        width = self.feat_channels
        spiking: dict[str, Any] = dict(neuron_cfg=self.neuron_cfg)
        self.rpn_conv = nn.Sequential(
            *(
                SpikeConv(
                    self.in_channels if i == 0 else width,
                    width,
                    3,
                    norm_cfg=self.norm_cfg,
                    **spiking,
                )
                for i in range(self.num_convs)
            )
        )
        num_anchors = self.num_base_priors
        self.rpn_cls = SpikeConv(width, num_anchors * self.cls_out_channels, **spiking)
        self.rpn_reg = SpikeConv(width, num_anchors * self.bbox_coder.encode_size, **spiking)

    def forward_single(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Predict scores and box deltas of one level.

        Args:
            x: ``[T, B, C, H, W]`` or ``[B, C, H, W]`` (one step).

        Returns:
            ``[B, num_anchors, H, W]`` and ``[B, 4 * num_anchors, H, W]``, means over T.
        """
        x = self.rpn_conv(with_time(x))
        return mean_over_time(self.rpn_cls(x)), mean_over_time(self.rpn_reg(x))
