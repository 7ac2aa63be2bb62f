"""Spikformer."""

from typing import Any, ClassVar

from torch import nn

from spikedense.neurons import build_neuron
from spikedense.registry import MODELS

from ..layers import MixerCfg, SpikeConv, SpikeMaxPool, SpikeSumBlock
from .arch import check_depths, check_width, resolve_arch
from .spike_sums import SpikeSumTransformer

_DEFAULTS = dict(depths=8, num_heads=8, pools=(1, 1, 1, 1), qkv_bias=False)
#: Channels of the stem's layers, as shares of the width.
_SHARES = (8, 4, 2, 1)


@MODELS.register_module()
class Spikformer(SpikeSumTransformer):
    r"""Spikformer (ICLR 2023): one scale, blocks of spiking self-attention and MLP.

    .. math::
        x_0 &= \mathrm{SPS}(I), \quad x_0 \leftarrow x_0 + \mathrm{SN}(\mathrm{BN}(
            \mathrm{Conv}_{3 \times 3}(x_0))) \\
        x' &= x + \mathrm{SN}(\mathrm{SSA}(x)), \quad x'' = x' + \mathrm{SN}(\mathrm{MLP}(x'))

    Spiking patch splitting (SPS) is four times 3x3 convolution, norm, neuron and, in the layers of
    ``pools``, 3x3 max pooling of the spikes with stride 2. The scale of the attention is 0.125 for
    every number of channels. There is one output, of stride 16 (of stride 4 in the network for
    CIFAR); a neck such as mmseg's ``Feature2Pyramid`` makes a pyramid of it.

    Args:
        arch: ``'8-384'``, ``'8-512'``, ``'8-768'``, ``'cifar-4-384'``, or a dict with
            ``embed_dims`` and, optionally, ``depths`` (number of blocks), ``num_heads``, ``pools``
            (whether each of the four layers of the stem pools), and ``qkv_bias``.
        **kwargs: Other arguments of :class:`SpikeSumTransformer`.
    """

    arch_zoo: ClassVar[dict[str, dict[str, Any]]] = {
        '8-384': dict(embed_dims=384),
        '8-512': dict(embed_dims=512),
        '8-768': dict(embed_dims=768, num_heads=12),
        'cifar-4-384': dict(
            embed_dims=384, depths=4, num_heads=12, pools=(0, 0, 1, 1), qkv_bias=True
        ),
    }

    def __init__(self, arch: str | dict[str, Any] = '8-512', **kwargs: Any) -> None:
        owner = type(self).__name__
        found = resolve_arch(owner, arch, self.arch_zoo, _DEFAULTS)
        width, pools = found['embed_dims'], tuple(found['pools'])
        check_width(owner, width)
        if len(pools) != len(_SHARES) or set(pools) - {0, 1}:
            raise ValueError(f'{owner}: arch: pools={pools}, expected four times 0 or 1')
        self._pools = pools
        self._qkv_bias = found['qkv_bias']
        super().__init__(
            channels=(width,),
            strides=(2 ** sum(pools),),
            depths=check_depths(owner, found['depths'], 1),
            num_heads=found['num_heads'],
            **kwargs,
        )

    def default_attentions(self) -> list[MixerCfg]:
        """See :class:`SpikeSumTransformer`."""
        return [{**(self.self_attention() or {}), 'qkv_bias': self._qkv_bias}]

    def embedding(self, stage: int) -> nn.Module:
        """Build the stem: spiking patch splitting and the position convolution."""
        layers: list[nn.Module] = []
        width = self._stage_channels[stage]
        channels = self.in_channels
        for share, pool in zip(_SHARES, self._pools, strict=True):
            layers += [
                SpikeConv(channels, width // share, 3, norm_cfg=self.norm_cfg),
                build_neuron(self.neuron_cfg),
                SpikeMaxPool() if pool else nn.Identity(),
            ]
            channels = width // share
        position = SpikeConv(width, width, 3, norm_cfg=self.norm_cfg)
        layers.append(SpikeSumBlock(dict(position=position), neuron_cfg=self.neuron_cfg))
        return nn.Sequential(*layers)
