"""The large models of Spike-driven Transformer V3."""

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import nn

from spikedense.registry import MODELS

from ..layers import MixerCfg, SpikeBlock, SpikeConv, SpikeStackedConv, build_mixer, per_stage
from .arch import named_arch
from .base import SpikeBackbone

_ARCH_KEYS = ('embed_dims', 'depths', 'num_heads', 'stacked_conv')
_NUM_STAGES = 4
_DEPTHS = (1, 1, 2, 12)


@MODELS.register_module()
class SDTV3Large(SpikeBackbone):
    """The large models of Spike-driven Transformer V3 (TPAMI 2025), with 83M and 173M parameters.

    A stem and three more stages of strides 2, 4, 8 and 16. The first three stages have convolution
    blocks: two full 3x3 convolutions with biases (:class:`ChannelConv`). The last stage has
    transformer blocks: an attention whose projections are two convolutions and three norms, and an
    MLP, both with a layer scale. The 83M model has two 1x1 convolutions in front of the attention.

    Any image size is possible: a tap of stride s has ``ceil(H / s)`` rows.

    Args:
        arch: ``'0.6M'`` (ours, for small studies), ``'83M'``, ``'173M'``, or a dict with
            ``embed_dims`` (three: twice the channels of the first stage, which are also those of
            the second one, then those of the others) and, optionally, ``depths`` (four),
            ``num_heads`` and ``stacked_conv``: whether a transformer block has the two
            convolutions.
        mlp_ratio: Ratio of hidden channels to channels in all channel mixers.
        attn_cfg: Attention of the transformer blocks: a config, or a list with an entry for each of
            the four stages: a config, ``{}`` for the default, or None for no attention.
        channel_mixer: Channel mixer, given in the same two ways.
        layer_scale: Start value of the scales of attention and MLP; None for no scales, as in the
            masked auto-encoder of the release.
        neuron_cfg: Neuron of all layers; None means the published NI-LIF, which rounds half up and
            has an open gradient window.
        **kwargs: Other arguments of :class:`SpikeBackbone`, except ``channels`` and ``strides``.
    """

    paper = '[Spike-driven Transformer V3](https://arxiv.org/abs/2411.16061), TPAMI 2025'
    arch_zoo: ClassVar[dict[str, dict[str, Any]]] = {
        '0.6M': dict(embed_dims=(16, 32, 96), depths=(1, 1, 2, 2), num_heads=4, stacked_conv=True),
        '83M': dict(embed_dims=(128, 256, 512), depths=_DEPTHS, stacked_conv=True),
        '173M': dict(embed_dims=(196, 384, 768), depths=_DEPTHS, stacked_conv=False),
    }

    def __init__(
        self,
        arch: str | dict[str, Any] = '83M',
        mlp_ratio: int = 4,
        attn_cfg: dict[str, Any] | Sequence[MixerCfg] | None = None,
        channel_mixer: dict[str, Any] | Sequence[MixerCfg] | None = None,
        layer_scale: float | None = 1e-6,
        neuron_cfg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        channels, self.depths, self.num_heads, self.stacked_conv = self._resolve_arch(arch)
        neuron_cfg = neuron_cfg or dict(type='NILIF', D=4, rounding='half_up', window='open')
        super().__init__(channels, (2, 4, 8, 16), neuron_cfg=neuron_cfg, **kwargs)
        self.layer_scale = layer_scale
        attention: MixerCfg = dict(
            type='SpikeSelfAttention', scale=0.125, projection='stacked_conv'
        )
        conv: MixerCfg = dict(type='ChannelConv', ratio=mlp_ratio, bias=True)
        mlp: MixerCfg = dict(type='ChannelMLP', ratio=mlp_ratio)
        attentions = per_stage('attn_cfg', attn_cfg, [None] * 3 + [attention])
        channel_mixers = per_stage('channel_mixer', channel_mixer, [conv] * 3 + [mlp])
        for i, rates in enumerate(self.drop_path_rates(self.depths)):
            mixers = dict(attn=attentions[i], mlp=channel_mixers[i])
            self.add_stage(self._downsample(i), [self._block(i, mixers, rate) for rate in rates])

    def _block(self, stage: int, mixers: dict[str, MixerCfg], drop_path: float) -> SpikeBlock:
        channels = self._stage_channels[stage]
        branches: dict[str, nn.Module] = {}
        is_last = stage == _NUM_STAGES - 1
        if is_last and self.stacked_conv:
            branches['conv'] = SpikeStackedConv(channels, channels, channels, **self.layer_cfg)
        cfg = dict(self.layer_cfg, num_heads=self.num_heads)
        for name, mixer in mixers.items():
            if mixer is not None:
                branches[name] = build_mixer(mixer, channels, **cfg)
        scales = None
        if is_last and self.layer_scale is not None:
            scales = {name: self.layer_scale for name in mixers if name in branches}
        return SpikeBlock(channels, branches, drop_path, scales)

    def _downsample(self, stage: int) -> SpikeConv:
        channels = self._stage_channels
        if stage == 0:
            return SpikeConv(self.in_channels, channels[0], 7, 2, bias=True, norm_cfg=self.norm_cfg)
        return SpikeConv(channels[stage - 1], channels[stage], 3, 2, bias=True, **self.layer_cfg)

    def _resolve_arch(self, arch: str | dict[str, Any]) -> tuple[Any, Any, Any, bool]:
        arch = named_arch(self, arch, 'embed_dims')
        dims = tuple(arch.get('embed_dims', ()))
        depths = tuple(arch.get('depths', _DEPTHS))
        if set(arch) - set(_ARCH_KEYS) or len(dims) != 3 or dims[0] % 2:
            raise ValueError(
                f'arch={dict(arch)}, expected embed_dims, three widths, the first one even, and, '
                'optionally, depths, num_heads and stacked_conv'
            )
        if len(depths) != _NUM_STAGES or min(depths) < 0:
            raise ValueError(f'arch: depths={depths}, expected {_NUM_STAGES} numbers of blocks')
        channels = (dims[0] // 2, *dims)
        return channels, depths, arch.get('num_heads', 8), arch.get('stacked_conv', True)
