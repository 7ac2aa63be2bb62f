"""Max-Former, and the QKFormer with membrane shortcuts of the same paper."""

from typing import Any, ClassVar

from mmengine.model import BaseModule
from torch import Tensor, nn

from spikedense.neurons import build_neuron
from spikedense.registry import MODELS

from ..layers import MixerCfg, SpikeConv, SpikeMaxPool
from .transformer import SpikeTransformer, named_sequence

STRIDES = (4, 8, 16)
NUM_STAGES = len(STRIDES)


class SpikeEmbedding(BaseModule):
    """An embedding with a shortcut: ``main(SN(x)) + shortcut(SN(x))``, a membrane.

    Args:
        main: ``[T, B, C, H, W] -> [T, B, C', H', W']``; it begins with a layer that reads spikes.
        shortcut: The same.
    """

    def __init__(
        self,
        main: nn.Module,
        shortcut: nn.Module,
        neuron_cfg: dict,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.neuron = build_neuron(neuron_cfg)
        self.main = main
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C', H', W']``."""
        spikes = self.neuron(x)
        return self.main(spikes) + self.shortcut(spikes)


class ThreeStageTransformer(SpikeTransformer):
    """Base class of transformers with three stages of strides 4, 8 and 16, and D/64 heads.

    Args:
        arch: ``'10-384'``, ``'10-512'``, ``'10-768'`` (blocks, width D of the last stage) or a dict
            as ``dict(embed_dims=[96, 192, 384], depths=[1, 2, 7], num_heads=6)``.
        **kwargs: Other arguments of :class:`SpikeTransformer`, except ``strides``.
    """

    paper = 'Max-Former, NeurIPS 2025'
    arch_zoo: ClassVar[dict[str, dict[str, Any]]] = {
        f'10-{width}': dict(embed_dims=(width // 4, width // 2, width), depths=(1, 2, 7))
        for width in (384, 512, 768)
    }
    width_divisor = 2

    def __init__(self, arch: str | dict[str, Any] = '10-384', **kwargs: Any) -> None:
        super().__init__(arch, strides=STRIDES, **kwargs)

    def default_heads(self, width: int) -> int:
        """See :class:`SpikeTransformer`."""
        return max(1, width // 64)

    def _channels_of(self, stage: int) -> tuple[int, int]:
        """Return the channels of the input and the output of an embedding with a shortcut."""
        to = self._stage_channels[stage]
        return (self._stage_channels[stage - 1] if stage else to // 2), to


@MODELS.register_module()
class MaxFormer(ThreeStageTransformer):
    """Max-Former (NeurIPS 2025): depth-wise convolutions in the first stages, SSA in the last one.

    Mixers and embeddings with max pooling pass high frequencies, which spiking neurons damp. The
    first two stages mix tokens by depth-wise convolutions of 7x7 and 5x5. All shortcuts add
    membranes.

    Args:
        arch, **kwargs: See :class:`ThreeStageTransformer`.
    """

    def embedding(self, stage: int) -> nn.Module:
        """Strided convolutions in the stem; later ones pool the membranes of both branches."""
        of, to = self._channels_of(stage)
        norm: dict[str, Any] = dict(norm_cfg=self.norm_cfg)
        last = SpikeConv(to, to, 3, **self.layer_cfg)
        if stage > 0:
            main = named_sequence(
                conv1=SpikeConv(of, to, 3, **norm), pool=SpikeMaxPool(), conv2=last
            )
            shortcut = named_sequence(conv=SpikeConv(of, to, **norm), pool=SpikeMaxPool())
            return SpikeEmbedding(main, shortcut, self.neuron_cfg)
        main = named_sequence(conv1=SpikeConv(of, to, 3, 2, **norm), conv2=last)
        embed = SpikeEmbedding(main, SpikeConv(of, to, 1, 2, **norm), self.neuron_cfg)
        return named_sequence(conv1=SpikeConv(self.in_channels, of, 3, 2, **norm), embed=embed)

    def default_mixers(self) -> dict[str, list[MixerCfg]]:
        """See :class:`SpikeTransformer`."""
        return dict(
            token_mixer=[
                dict(type='SpikeDepthwiseConv', kernel_size=7),
                dict(type='SpikeDepthwiseConv', kernel_size=5),
                None,
            ],
            attn_cfg=[None, None, dict(type='SpikformerSelfAttention')],
            channel_mixer=[dict(type='ChannelMLP')] * NUM_STAGES,
        )


@MODELS.register_module()
class MSQKFormer(ThreeStageTransformer):
    """MS-QKFormer (NeurIPS 2025, with Max-Former): QKFormer with membrane shortcuts.

    The first two stages have the token attention of QKFormer, the last one has SSA.

    Args:
        arch, **kwargs: See :class:`ThreeStageTransformer`.
    """

    def embedding(self, stage: int) -> nn.Module:
        """Pool the membrane between the two convolutions; the shortcut is strided."""
        of, to = self._channels_of(stage)
        norm: dict[str, Any] = dict(norm_cfg=self.norm_cfg)
        main = named_sequence(
            conv1=SpikeConv(of, to, 3, **norm),
            pool=SpikeMaxPool(),
            conv2=SpikeConv(to, to, 3, **self.layer_cfg),
        )
        embed = SpikeEmbedding(main, SpikeConv(of, to, 1, 2, **norm), self.neuron_cfg)
        if stage > 0:
            return embed
        stem = SpikeConv(self.in_channels, of, 3, **norm)
        return named_sequence(conv1=stem, pool=SpikeMaxPool(), embed=embed)

    def default_mixers(self) -> dict[str, list[MixerCfg]]:
        """See :class:`SpikeTransformer`."""
        token: MixerCfg = dict(type='QKTokenAttention')
        return dict(
            token_mixer=[None] * NUM_STAGES,
            attn_cfg=[token, token, dict(type='SpikformerSelfAttention')],
            channel_mixer=[dict(type='ChannelMLP')] * NUM_STAGES,
        )
