"""Spike-driven Transformer V2."""

from typing import Any, ClassVar

from spikedense.neurons import half_threshold
from spikedense.registry import MODELS

from ..layers import MixerCfg, Shortcut
from .pyramid import SpikeDrivenPyramid


@MODELS.register_module()
class SDTV2(SpikeDrivenPyramid):
    """Meta-SpikeFormer, the backbone of Spike-driven Transformer V2 (ICLR 2024).

    Convolution blocks have a separable convolution and two full 3x3 convolutions; transformer
    blocks have an MLP and an attention with re-parameterised convolutions (RepConv) as projections.

    The defaults of the attention depend on the neuron. With a threshold neuron (LIF, or any neuron
    with a ``v_threshold``), the attention scale is 0.125, and the neuron behind the attention
    product has half the threshold. With an integer neuron (NI-LIF, as in Spike2Former), the scale
    is ``head_dim ** -0.5``, and the neuron behind the product is the same as the others. Both
    versions can load the same weights.

    Args:
        arch: ``'15M'``, ``'31M'``, ``'55M'``, ``'124M'`` or a dict.
        neuron_cfg: Neuron of all layers; None means ``dict(type='LIF')``.
        attn_scale: Attention scale; None chooses by the neuron.
        attn_neuron_cfg: Neuron behind the attention product; None chooses by the neuron.
        **kwargs: Other arguments of :class:`SpikeDrivenPyramid`.
    """

    paper = '[Spike-driven Transformer V2](https://arxiv.org/abs/2404.03663), ICLR 2024'
    arch_zoo: ClassVar[dict[str, dict[str, Any]]] = {
        '15M': dict(embed_dims=(64, 128, 256, 360)),
        '31M': dict(embed_dims=(96, 192, 384, 480)),
        '55M': dict(embed_dims=(128, 256, 512, 640)),
        '124M': dict(embed_dims=(192, 384, 768, 960)),
    }

    def __init__(
        self,
        arch: str | dict[str, Any] = '15M',
        neuron_cfg: dict | None = None,
        attn_scale: float | None = None,
        attn_neuron_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        self.shortcuts = (
            Shortcut('attn_scale', attn_scale, 'attn_cfg', 'scale'),
            Shortcut('attn_neuron_cfg', attn_neuron_cfg, 'attn_cfg', 'attn_neuron_cfg'),
        )
        neuron_cfg = neuron_cfg or dict(type='LIF')
        behind_product = half_threshold(neuron_cfg)
        if behind_product is not neuron_cfg:
            attn_neuron_cfg = attn_neuron_cfg or behind_product
            attn_scale = 0.125 if attn_scale is None else attn_scale
        self._attn = dict(scale=attn_scale, attn_neuron_cfg=attn_neuron_cfg)
        super().__init__(arch, neuron_cfg=neuron_cfg, **kwargs)

    def default_mixers(self) -> dict[str, list[MixerCfg]]:
        """See :class:`SpikeDrivenPyramid`."""
        separable: MixerCfg = dict(type='SpikeSeparableConv', kernel_size=7, mid_neuron=False)
        attention: MixerCfg = dict(type='SpikeSelfAttention', projection='rep_conv', **self._attn)
        conv: MixerCfg = dict(type='ChannelConv', ratio=self.mlp_ratio)
        mlp: MixerCfg = dict(type='ChannelMLP', ratio=self.mlp_ratio)
        return dict(
            token_mixer=[separable] * 3 + [None] * 2,
            attn_cfg=[None] * 3 + [attention] * 2,
            channel_mixer=[conv] * 3 + [mlp] * 2,
        )
