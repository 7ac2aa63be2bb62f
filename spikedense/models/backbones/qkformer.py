"""QKFormer."""

from collections import OrderedDict
from typing import Any, ClassVar

from torch import Tensor, nn

from spikedense.neurons import build_neuron
from spikedense.registry import MODELS

from ..layers import MixerCfg, SpikeConv, SpikeMaxPool, SpikeSum
from .spike_sums import SpikeSumTransformer


class SpikingPatchEmbedding(nn.Module):
    r"""Patch embedding with deformed shortcut (SPEDS) of QKFormer; it halves height and width.

    .. math::
        y = \mathrm{SN}(\mathrm{BN}(\mathrm{Conv}(\mathrm{SN}(\mathrm{MaxPool}(\mathrm{BN}(
            \mathrm{Conv}(x))))))) + \mathrm{SN}(\mathrm{BN}(\mathrm{Conv}_{1 \times 1, 2}(x)))

    The pooling sees the membrane potential, not spikes.

    Args:
        in_channels: Channels of the input.
        out_channels: Channels of the output.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, neuron_cfg: dict, norm_cfg: dict
    ) -> None:
        super().__init__()
        self.reduce = SpikeConv(in_channels, out_channels, 3, norm_cfg=norm_cfg)
        self.pool = SpikeMaxPool()
        self.neuron = build_neuron(neuron_cfg)
        self.conv = SpikeConv(out_channels, out_channels, 3, norm_cfg=norm_cfg)
        self.out_neuron = build_neuron(neuron_cfg)
        self.shortcut = SpikeConv(in_channels, out_channels, 1, 2, norm_cfg=norm_cfg)
        self.shortcut_neuron = build_neuron(neuron_cfg)
        self.sum = SpikeSum()

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C', ceil(H / 2), ceil(W / 2)]``, both sums of spikes."""
        spikes = self.out_neuron(self.conv(self.neuron(self.pool(self.reduce(x)))))
        return self.sum(spikes, self.shortcut_neuron(self.shortcut(x)))


class LegacyFoldedNeuron(nn.Module):
    """A neuron that takes the images of a batch for time steps, as in the released code.

    The membrane leaks from each image into the next one, and from the last image of a time step
    into the first one of the next step.

    Args:
        neuron: The neuron.
    """

    def __init__(self, neuron: nn.Module) -> None:
        super().__init__()
        self.neuron = neuron

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, ...] -> [T, B, ...]``."""
        return self.neuron(x.flatten(0, 1).unsqueeze(1)).reshape(x.shape)


@MODELS.register_module()
class QKFormer(SpikeSumTransformer):
    """QKFormer (NeurIPS 2024), HST: three stages of strides 4, 8 and 16.

    The first two stages have QK token attention, which is linear in the number of tokens and mixes
    channels only; the last one has the self-attention of Spikformer. All stages have the same
    number of heads.

    Args:
        arch: ``'10-384'``, ``'10-512'``, ``'10-768'`` (blocks, width), or a dict as
            ``dict(embed_dims=[96, 192, 384], depths=[1, 2, 7], num_heads=6)``.
        legacy_folded_proj: Whether the neuron behind the attention of the last stage takes the
            images of a batch for time steps, as in the released code, with which the published
            accuracies were measured. With a batch of one image, both are the same.
        **kwargs: Other arguments of :class:`SpikeTransformer`, except ``strides``.
    """

    arch_zoo: ClassVar[dict[str, dict[str, Any]]] = {
        f'10-{width}': dict(
            embed_dims=(width // 4, width // 2, width), depths=(1, 2, 7), num_heads=width // 64
        )
        for width in (384, 512, 768)
    }

    paper = '[QKFormer](https://arxiv.org/abs/2403.16552), NeurIPS 2024'
    width_divisor = 2

    def __init__(
        self,
        arch: str | dict[str, Any] = '10-512',
        legacy_folded_proj: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(arch, strides=(4, 8, 16), **kwargs)
        self.legacy_folded_proj = legacy_folded_proj
        last: Any = self.stages[-1]
        if legacy_folded_proj:
            for block in last.blocks:
                block.neurons['attn'] = LegacyFoldedNeuron(block.neurons['attn'])

    def default_mixers(self) -> dict[str, list[MixerCfg]]:
        """See :class:`SpikeTransformer`."""
        token: MixerCfg = dict(type='QKTokenAttention')
        return dict(
            token_mixer=[None] * 3,
            attn_cfg=[token, token, self.self_attention()],
            channel_mixer=[dict(type='ChannelMLP')] * 3,
        )

    def embedding(self, stage: int) -> nn.Module:
        """Build a patch embedding; in front of the first one is a convolution of the image."""
        width = self._stage_channels[stage]
        if stage > 0:
            return SpikingPatchEmbedding(self._stage_channels[stage - 1], width, **self.layer_cfg)
        layers: dict[str, nn.Module] = dict(
            conv1=SpikeConv(self.in_channels, width // 2, 3, norm_cfg=self.norm_cfg),
            pool1=SpikeMaxPool(),
            neuron1=build_neuron(self.neuron_cfg),
            embed=SpikingPatchEmbedding(width // 2, width, **self.layer_cfg),
        )
        return nn.Sequential(OrderedDict(layers))
