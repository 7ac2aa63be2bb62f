"""Spike-driven self-attention of the backbones."""

from torch import Tensor

from spikedense.neurons import build_neuron
from spikedense.registry import MODELS

from ..rep_conv import SpikeRepConv
from ..spike_conv import SpikeConv
from .heads import check_heads, merge_heads, split_heads
from .product import AttentionProduct, ProductAttention

PROJECTIONS = ('conv', 'rep_conv')


@MODELS.register_module()
class SpikeSelfAttention(ProductAttention):
    r"""Spike-driven self-attention without softmax (SDSA-3 of V2, the linear attention of V3).

    .. math::
        s = \mathrm{SN}(x), \quad q, k, v = \mathrm{SN}(P_{q,k,v}(s)), \quad
        y = P_o(\mathrm{SN}(q (k^\top v) \cdot \mathrm{scale}))

    Args:
        channels: Channels d of input and output.
        num_heads: Number of heads; a head gets contiguous channels.
        scale: Factor of the product; None means ``head_dim ** -0.5``.
        value_ratio: The value has ``value_ratio * channels`` channels (lambda of V3).
        projection: ``'rep_conv'`` (V2) or ``'conv'``, a 1x1 convolution (V3); each has a norm.
        order: See :class:`AttentionProduct`.
        attn_neuron_cfg: The neuron behind the product; None means ``neuron_cfg``.
    """

    def __init__(
        self,
        channels: int,
        num_heads: int,
        scale: float | None = None,
        value_ratio: int = 1,
        projection: str = 'conv',
        order: str = 'linear',
        *,
        neuron_cfg: dict,
        attn_neuron_cfg: dict | None = None,
        norm_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        check_heads(channels, num_heads)
        if projection not in PROJECTIONS:
            raise ValueError(f'projection={projection!r}, expected one of {PROJECTIONS}')
        if not isinstance(value_ratio, int) or value_ratio < 1:
            raise ValueError(f'value_ratio={value_ratio!r}, expected an integer of at least 1')
        self.num_heads = num_heads
        scale = (channels // num_heads) ** -0.5 if scale is None else scale
        self.product = AttentionProduct(scale, order)
        layer = SpikeConv if projection == 'conv' else SpikeRepConv
        v_channels = value_ratio * channels
        self.neuron = build_neuron(neuron_cfg)
        self.q_conv = layer(channels, channels, neuron_cfg=None, norm_cfg=norm_cfg)
        self.k_conv = layer(channels, channels, neuron_cfg=None, norm_cfg=norm_cfg)
        self.v_conv = layer(channels, v_channels, neuron_cfg=None, norm_cfg=norm_cfg)
        self.q_neuron = build_neuron(neuron_cfg)
        self.k_neuron = build_neuron(neuron_cfg)
        self.v_neuron = build_neuron(neuron_cfg)
        self.out_proj = layer(
            v_channels, channels, neuron_cfg=attn_neuron_cfg or neuron_cfg, norm_cfg=norm_cfg
        )

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        s = self.neuron(x)
        q = split_heads(self.q_neuron(self.q_conv(s)), self.num_heads)
        k = split_heads(self.k_neuron(self.k_conv(s)), self.num_heads)
        v = split_heads(self.v_neuron(self.v_conv(s)), self.num_heads)
        return self.out_proj(merge_heads(self.product(q, k, v), like=x))
