"""The attention of Spikformer."""

from typing import Any

from spikedense.neurons import half_threshold
from spikedense.registry import MODELS

from .self_attention import SpikeSelfAttention


@MODELS.register_module()
class SpikformerSelfAttention(SpikeSelfAttention):
    r"""SSA, the attention of Spikformer (ICLR 2023), with membrane shortcuts.

    .. math::
        s = \mathrm{SN}(x), \quad q, k, v = \mathrm{SN}(P_{q,k,v}(s)), \quad
        y = P_o(\mathrm{SN}_{1/2}(0.125 \, q (k^\top v)))

    The neuron behind the product has half the threshold if the neuron has a threshold. The
    projections are 1x1 convolutions. All defaults are those of Spikformer in every backbone.

    Args:
        channels: Channels of input and output.
        num_heads: Number of heads; a head gets contiguous channels.
        scale, value_ratio, projection, attn_neuron_cfg, qkv_bias, proj_bias: See
            :class:`SpikeSelfAttention`; None as ``attn_neuron_cfg`` chooses by the neuron.
        **kwargs: Other arguments of :class:`SpikeSelfAttention`.
    """

    def __init__(
        self,
        channels: int,
        num_heads: int,
        scale: float = 0.125,
        value_ratio: int = 1,
        projection: str = 'conv',
        *,
        neuron_cfg: dict,
        attn_neuron_cfg: dict | None = None,
        qkv_bias: bool | str = False,
        proj_bias: bool | str = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            channels,
            num_heads,
            scale,
            value_ratio,
            projection,
            neuron_cfg=neuron_cfg,
            attn_neuron_cfg=attn_neuron_cfg or half_threshold(neuron_cfg),
            qkv_bias=qkv_bias,
            proj_bias=proj_bias,
            **kwargs,
        )
