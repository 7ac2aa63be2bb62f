"""Spike-driven Transformer (V1)."""

import re
from typing import Any, ClassVar

from torch import nn

from spikedense.registry import MODELS

from ..layers import MixerCfg, Shortcut, SpikeConv, SpikeMaxPool
from .transformer import MembraneShortcut, SpikeTransformer, named_sequence, pooled_convolutions


@MODELS.register_module()
class SDTV1(SpikeTransformer):
    r"""Spike-driven Transformer (NeurIPS 2023): one stage of stride 16, attention by masks.

    The stem has four 3x3 convolutions, each with a norm and a 3x3 max pooling of stride 2, and a
    position convolution with a membrane shortcut. The first three poolings pool spikes, the last
    one pools the membrane. The blocks add SDSA-1 and an MLP to the membrane:

    .. math::
        U' = U + \mathrm{SDSA}(U), \qquad U'' = U' + \mathrm{MLP}(U')

    With integer neurons, the gates of the attention need a scale, see :class:`GatedAttention`:
    ``attn_cfg=dict(scale=0.05)``, for example.

    Args:
        arch: ``'8-384'``, ``'6-512'``, ``'8-512'``, ``'10-512'``, ``'8-768'`` (blocks, width) or a
            dict as ``dict(embed_dims=[384], depths=[8], num_heads=8)``.
        pooling_stat: Which of the four poolings of the stem there are; each 0 halves the stride.
        dvs_mode: Whether the attention pools keys, values, their product and its result, as the
            published models for event cameras do.
        **kwargs: Other arguments of :class:`SpikeTransformer`, except ``strides``.
    """

    paper = 'Spike-driven Transformer, NeurIPS 2023'
    arch_zoo: ClassVar[dict[str, dict[str, Any]]] = {
        '8-384': dict(embed_dims=(384,), depths=(8,)),
        '6-512': dict(embed_dims=(512,), depths=(6,)),
        '8-512': dict(embed_dims=(512,), depths=(8,)),
        '10-512': dict(embed_dims=(512,), depths=(10,)),
        '8-768': dict(embed_dims=(768,), depths=(8,)),
    }
    width_divisor = 8

    def __init__(
        self,
        arch: str | dict[str, Any] = '8-512',
        pooling_stat: str = '1111',
        dvs_mode: bool = False,
        **kwargs: Any,
    ) -> None:
        if not isinstance(pooling_stat, str) or not re.fullmatch('[01]{4}', pooling_stat):
            raise ValueError(
                f"pooling_stat={pooling_stat!r}, expected four of the letters 0 and 1, as '1111'"
            )
        self.pooling_stat = pooling_stat
        self.dvs_mode = dvs_mode
        self.shortcuts = (Shortcut('dvs_mode', dvs_mode or None, 'attn_cfg', 'max_pool'),)
        super().__init__(arch, strides=(2 ** pooling_stat.count('1'),), **kwargs)

    def embedding(self, stage: int) -> nn.Module:
        """See :class:`SpikeTransformer`."""
        (width,) = self._stage_channels
        channels = (self.in_channels, width // 8, width // 4, width // 2, width)
        pools = [pool == '1' for pool in self.pooling_stat]
        layers = pooled_convolutions(channels, pools, **self.layer_cfg)
        if pools[-1]:
            layers['pool4'] = SpikeMaxPool()
        layers['position'] = MembraneShortcut(SpikeConv(width, width, 3, **self.layer_cfg))
        return named_sequence(**layers)

    def default_mixers(self) -> dict[str, list[MixerCfg]]:
        """See :class:`SpikeTransformer`."""
        pooling = dict(max_pool=True) if self.dvs_mode else {}
        attention: MixerCfg = dict(type='SpikeDrivenSelfAttention', **pooling)
        return dict(
            token_mixer=[None], attn_cfg=[attention], channel_mixer=[dict(type='ChannelMLP')]
        )
