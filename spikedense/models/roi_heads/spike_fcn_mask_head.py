"""Spiking mask head (mmdet)."""

from typing import Any

from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmengine.model import kaiming_init
from torch import Tensor, nn

from spikedense.registry import MODELS

from ..layers import SpikeConv, SpikeDeconv, head_neuron, mean_over_time


@MODELS.register_module()
class SpikeFCNMaskHead(FCNMaskHead):
    """Masks of RoIs, a neuron in front of every convolution (SpikeFCNMaskHead).

    ``x = Conv3x3(SN(x))``, ``num_convs`` times; ``x = Deconv2x2(SN(x))``;
    ``mask = mean_t(Conv1x1(SN(x)))``.

    The published head has neither norms nor shortcuts, and its neurons die: rates fall from one
    convolution to the next and reach zero. ``norm_cfg`` and ``residual`` keep them alive.

    Args:
        num_convs: number of 3x3 convolutions.
        in_channels: channels of the RoI features.
        conv_out_channels: channels of the convolutions.
        residual: whether a convolution that keeps the channels adds to its input, membrane to
            membrane.
        neuron_cfg: the neuron; default ``dict(type='NILIF', D=4)``.
        norm_cfg: the norm behind each 3x3 convolution and the deconvolution; None for none.
        **kwargs: those of mmdet's ``FCNMaskHead``; its ``upsample_cfg`` may say ``'deconv'`` only.
    """

    no_nir = 'transposed convolution and the mean over time have no NIR node'

    def __init__(
        self,
        num_convs: int = 4,
        in_channels: int = 256,
        conv_out_channels: int = 256,
        residual: bool = False,
        neuron_cfg: dict[str, Any] | None = None,
        norm_cfg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            num_convs, in_channels=in_channels, conv_out_channels=conv_out_channels, **kwargs
        )
        for key, found, only in (
            ('upsample_cfg type', self.upsample_method, 'deconv'),
            ('conv_cfg', self.conv_cfg, None),
            ('predictor_cfg', self.predictor_cfg, dict(type='Conv')),
        ):
            if found != only:
                raise ValueError(f'SpikeFCNMaskHead: {key}={found!r}, expected {only!r}')
        # mmdet builds its layers in the constructor and nowhere else: they are replaced.
        spiking: dict[str, Any] = dict(neuron_cfg=head_neuron('SpikeFCNMaskHead', neuron_cfg))
        width = conv_out_channels
        self.residual = residual
        self.norm_cfg = norm_cfg
        self.convs = nn.ModuleList(
            SpikeConv(
                in_channels if i == 0 else width,
                width,
                self.conv_kernel_size,
                norm_cfg=norm_cfg,
                **spiking,
            )
            for i in range(num_convs)
        )
        self.upsample = SpikeDeconv(
            width if num_convs else in_channels,
            width,
            self.scale_factor,
            norm_cfg=norm_cfg,
            **spiking,
        )
        self.conv_logits = SpikeConv(
            width, 1 if self.class_agnostic else self.num_classes, **spiking
        )
        del self.relu

    def init_weights(self) -> None:
        """Kaiming, as mmdet's head has it; where a norm follows, no scale matters.

        The published head wraps its last two layers, which hides them from mmdet's own call.
        """
        super().init_weights()
        plain = self.convs if self.norm_cfg is None else ()
        for layer in (*plain, self.upsample, self.conv_logits):
            kaiming_init(layer.conv, mode='fan_out', nonlinearity='relu')

    def forward(self, x: Tensor) -> Tensor:
        """Mask logits.

        Args:
            x: RoI features, ``[T, N, C, h, w]``.

        Returns:
            ``[N, num_classes, 2h, 2w]``, means over T (one mask each if class-agnostic).
        """
        for conv in self.convs:
            y = conv(x)
            x = x + y if self.residual and x.size(2) == y.size(2) else y
        return mean_over_time(self.conv_logits(self.upsample(x)))
