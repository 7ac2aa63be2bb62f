"""Splash-and-reconstruct block (SRB): a channel mixer of a linear layer and a convolution."""

from functools import partial

from torch import nn

from spikedense.registry import MODELS

from ..spike_conv import SpikeConv
from .splash import TwoLayers, check_choices, linear_layer


@MODELS.register_module()
class SRB(TwoLayers):
    r"""Splash-and-reconstruct block (SRB) of "Unveiling the Spatial-temporal Effective Receptive
    Fields of Spiking Neural Networks" (NeurIPS 2025):

    .. math::
        \mathrm{SRB}(X) = \mathrm{BN}(\mathrm{MLP}(\mathrm{SN}(
            \mathrm{BN}(\mathrm{Conv}(\mathrm{SN}(X))))))

    The released code has the linear layer first, without a norm, on a map that is read as strips
    (see :func:`as_strips`), and a 3x3 convolution with a norm second. The linear layer stretches
    each of ``ratio`` horizontal parts of the image over a whole map (splash), and the convolution
    mixes all of these maps (reconstruct): one output reads ``ratio`` bands of rows, which are
    spread over the height of the image. The parameter counts of the paper are those of the code,
    so the code is the default here.

    Args:
        channels: Channels of input and output.
        ratio: Ratio of hidden channels to channels.
        layout: Layout of the linear layer: ``'splash'`` as in the code, or ``'pointwise'`` as in
            the formula, a linear layer over the channels of a pixel.
        order: ``'mlp_conv'`` as in the code: linear layer, then 3x3 convolution; or ``'conv_mlp'``
            as in the text of the paper: 1x1 convolution, then linear layer.
        norm: ``'official'`` for a norm behind the convolution only, or ``'bn'`` for norms behind
            both layers.
        drop: Rate of dropout behind the linear layer.
    """

    def __init__(
        self,
        channels: int,
        ratio: int = 4,
        layout: str = 'splash',
        order: str = 'mlp_conv',
        norm: str = 'official',
        drop: float = 0.2,
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        check_choices(ratio, layout, norm, drop)
        if order not in ('mlp_conv', 'conv_mlp'):
            raise ValueError(f"order={order!r}, expected 'mlp_conv' or 'conv_mlp'")
        behind_linear = norm_cfg if norm == 'bn' else None
        linear = partial(linear_layer, layout, neuron_cfg=neuron_cfg, norm_cfg=behind_linear)
        conv = partial(SpikeConv, bias=False, neuron_cfg=neuron_cfg, norm_cfg=norm_cfg)
        hidden = ratio * channels
        widen: nn.Module
        narrow: nn.Module
        if order == 'mlp_conv':
            widen, narrow = linear(channels, hidden), conv(hidden, channels, 3)
            drops = (drop, 0.0)
        else:
            widen, narrow = conv(channels, hidden, 1), linear(hidden, channels)
            drops = (0.0, drop)
        super().__init__(widen, narrow, drops, init_cfg)
