"""Spiking mask head (mmdet)."""

from typing import Any

from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmengine.model import kaiming_init
from torch import Tensor, nn

from spikedense.registry import MODELS

from ..layers import SpikeConv, SpikeDeconv, head_neuron, mean_over_time


@MODELS.register_module()
class SpikeFCNMaskHead(FCNMaskHead):
    """Masks of RoIs with a neuron in front of every convolution (SpikeFCNMaskHead).

    ``x = Conv3x3(SN(x))``, ``num_convs`` times; ``x = Deconv2x2(SN(x))``;
    ``mask = mean_t(Conv1x1(SN(x)))``.

    The published head has neither norms nor shortcuts, so firing rates fall from one convolution
    to the next and reach zero. ``norm_cfg`` and ``residual`` prevent this.

    Args:
        num_convs: Number of 3x3 convolutions.
        in_channels: Channels of the RoI features.
        conv_out_channels: Channels of the convolutions.
        residual: Whether the input of a convolution is added to its output, both membrane
            potentials, if they have equal channels.
        neuron_cfg: Default ``dict(type='NILIF', D=4)``.
        norm_cfg: Norm behind each 3x3 convolution and the deconvolution; None means no norm.
        **kwargs: Arguments of mmdet's ``FCNMaskHead``. ``upsample_cfg`` must have the type
            ``'deconv'``.
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
        # mmdet builds its layers in the constructor only, so they are replaced afterwards.
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
        """Initialise by Kaiming's rule, as mmdet's head does.

        The 3x3 convolutions are left out if they have norms, because a norm removes the scale. The
        published head wraps its last two layers, so mmdet's own call does not find them.
        """
        super().init_weights()
        plain = self.convs if self.norm_cfg is None else ()
        for layer in (*plain, self.upsample, self.conv_logits):
            kaiming_init(layer.conv, mode='fan_out', nonlinearity='relu')

    def forward(self, x: Tensor) -> Tensor:
        """Predict mask logits.

        Args:
            x: RoI features, ``[T, N, C, h, w]``.

        Returns:
            ``[N, num_classes, 2h, 2w]``, means over T (``[N, 1, 2h, 2w]`` if class-agnostic).
        """
        for conv in self.convs:
            y = conv(x)
            x = x + y if self.residual and x.size(2) == y.size(2) else y
        return mean_over_time(self.conv_logits(self.upsample(x)))
