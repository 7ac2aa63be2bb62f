"""Spiking RetinaNet head (mmdet)."""

from typing import Any

from mmdet.models.dense_heads import RetinaHead
from torch import Tensor, nn

from spikedense.registry import MODELS

from ..layers import SpikeConv, head_neuron, mean_over_time, with_time


@MODELS.register_module()
class SpikeRetinaHead(RetinaHead):
    """RetinaNet's two branches with a neuron in front of every convolution (SpikeRetinaHead).

    Each branch has ``stacked_convs`` times ``x = Conv3x3(SN(x))``, then
    ``cls, reg = mean_t(Conv3x3(SN(x)))``. In the published head, both predictors share one LIF, so
    its membrane after the classes is the start for the boxes. Here each predictor has its own.

    Args:
        num_classes: Number of classes.
        in_channels: Channels of the features.
        neuron_cfg: Default ``dict(type='NILIF', D=4)``.
        **kwargs: Arguments of mmdet's ``RetinaHead``. ``norm_cfg`` is the norm behind each stacked
            convolution.
    """

    no_nir = 'the mean over time has no NIR node'

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        neuron_cfg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.neuron_cfg = head_neuron('SpikeRetinaHead', neuron_cfg)
        super().__init__(num_classes, in_channels, **kwargs)

    def _init_layers(self) -> None:
        """Build the layers. mmdet's constructor calls this method."""
        self.cls_convs = self._branch()
        self.reg_convs = self._branch()
        width = self.feat_channels if self.stacked_convs else self.in_channels
        num_anchors = self.num_base_priors
        for name, channels in (
            ('retina_cls', num_anchors * self.cls_out_channels),
            ('retina_reg', num_anchors * self.bbox_coder.encode_size),
        ):
            self.add_module(name, SpikeConv(width, channels, 3, neuron_cfg=self.neuron_cfg))

    def _branch(self) -> nn.Sequential:
        return nn.Sequential(
            *(
                SpikeConv(
                    self.in_channels if i == 0 else self.feat_channels,
                    self.feat_channels,
                    3,
                    neuron_cfg=self.neuron_cfg,
                    norm_cfg=self.norm_cfg,
                )
                for i in range(self.stacked_convs)
            )
        )

    def forward_single(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Predict scores and box deltas of one level.

        Args:
            x: ``[T, B, C, H, W]`` or ``[B, C, H, W]`` (one step).

        Returns:
            ``[B, num_anchors * num_classes, H, W]`` and ``[B, 4 * num_anchors, H, W]``, means
            over T.
        """
        x = with_time(x)
        scores = self.retina_cls(self.cls_convs(x))
        deltas = self.retina_reg(self.reg_convs(x))
        return mean_over_time(scores), mean_over_time(deltas)
