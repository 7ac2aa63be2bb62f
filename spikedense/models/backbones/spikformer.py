"""Spikformer."""

import re
from collections import OrderedDict
from typing import Any, ClassVar

from torch import nn

from spikedense.neurons import build_neuron
from spikedense.registry import MODELS

from ..layers import MixerCfg, SpikeConv, SpikeMaxPool, SpikeSumBlock
from .arch import named_arch
from .spike_sums import SpikeSumTransformer
from .transformer import pooled_convolutions


@MODELS.register_module()
class Spikformer(SpikeSumTransformer):
    r"""Spikformer (ICLR 2023): one stage, blocks of spiking self-attention (SSA) and MLP.

    .. math::
        x_0 &= \mathrm{SPS}(I), \quad x_1 = x_0 + \mathrm{SN}(\mathrm{BN}(\mathrm{Conv}(x_0))) \\
        x' &= x + \mathrm{SN}(\mathrm{SSA}(x)), \quad x'' = x' + \mathrm{SN}(\mathrm{MLP}(x'))

    Spiking patch splitting (SPS) is four times 3x3 convolution, norm, neuron and 3x3 max pooling of
    the spikes with stride 2; the convolution behind it tells positions. The scale of the attention
    is 0.125 for every width. There is one output, of stride 16 (4 in the network for CIFAR); a
    neck such as mmseg's ``MultiLevelNeck`` makes a pyramid of it.

    Args:
        arch: ``'8-384'``, ``'8-512'``, ``'8-768'``, ``'cifar-4-384'`` (blocks, width), or a dict as
            ``dict(embed_dims=[384], depths=[8], num_heads=8)`` with, optionally, ``pooling_stat``
            (which of the four layers of the stem pool; each 0 halves the stride) and ``qkv_bias``.
        **kwargs: Other arguments of :class:`SpikeTransformer`, except ``strides``.
    """

    arch_zoo: ClassVar[dict[str, dict[str, Any]]] = {
        '8-384': dict(embed_dims=(384,), depths=(8,)),
        '8-512': dict(embed_dims=(512,), depths=(8,)),
        '8-768': dict(embed_dims=(768,), depths=(8,), num_heads=12),
        'cifar-4-384': dict(
            embed_dims=(384,), depths=(4,), num_heads=12, pooling_stat='0011', qkv_bias=True
        ),
    }

    paper = '[Spikformer](https://arxiv.org/abs/2209.15425), ICLR 2023'
    width_divisor = 8

    def __init__(self, arch: str | dict[str, Any] = '8-512', **kwargs: Any) -> None:
        sizes = dict(named_arch(self, arch, 'embed_dims and depths'))
        pools = sizes.pop('pooling_stat', '1111')
        if not isinstance(pools, str) or not re.fullmatch('[01]{4}', pools):
            raise ValueError(
                f"arch: pooling_stat={pools!r}, expected four of the letters 0 and 1, as '1111'"
            )
        self._pools = [pool == '1' for pool in pools]
        self._qkv_bias = sizes.pop('qkv_bias', False)
        super().__init__(sizes, strides=(2 ** sum(self._pools),), **kwargs)

    def default_mixers(self) -> dict[str, list[MixerCfg]]:
        """See :class:`SpikeTransformer`."""
        return dict(
            token_mixer=[None],
            attn_cfg=[self.self_attention(self._qkv_bias)],
            channel_mixer=[dict(type='ChannelMLP')],
        )

    def embedding(self, stage: int) -> nn.Module:
        """Build the stem: spiking patch splitting, and the convolution that tells positions."""
        (width,) = self._stage_channels
        channels = (self.in_channels, width // 8, width // 4, width // 2, width)
        layers = pooled_convolutions(channels, self._pools, **self.layer_cfg)
        layers['neuron4'] = build_neuron(self.neuron_cfg)
        if self._pools[-1]:
            layers['pool4'] = SpikeMaxPool()
        position = SpikeConv(width, width, 3, norm_cfg=self.norm_cfg)
        layers['position'] = SpikeSumBlock(dict(conv=position), neuron_cfg=self.neuron_cfg)
        return nn.Sequential(OrderedDict(layers))
