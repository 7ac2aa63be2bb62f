"""The depth-wise convolution of Max-Former as a token mixer."""

from spikedense.registry import MODELS

from ..spike_conv import SpikeConv


@MODELS.register_module()
class SpikeDepthwiseConv(SpikeConv):
    """``BN(DWConv(SN(x)))``: a depth-wise convolution with a norm.

    Args:
        channels: Channels of input and output.
        kernel_size: Side of the kernel.
        bias: See :class:`SpikeConv`.
    """

    def __init__(
        self,
        channels: int,
        kernel_size: int,
        bias: bool | str = True,
        *,
        neuron_cfg: dict,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            channels,
            channels,
            kernel_size,
            groups=channels,
            bias=bias,
            neuron_cfg=neuron_cfg,
            norm_cfg=norm_cfg,
            init_cfg=init_cfg,
        )
