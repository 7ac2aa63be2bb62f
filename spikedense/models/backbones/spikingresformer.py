"""SpikingResformer."""

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import nn

from spikedense.registry import MODELS

from ..layers import MixerCfg, SpikeBlock, SpikeConv, SpikeMaxPool, build_mixer, per_stage
from .arch import named_arch
from .base import SpikeBackbone

_ARCH_KEYS = ('embed_dims', 'depths', 'num_heads')
_STRIDES = (4, 8, 16)
_DEPTHS = (1, 2, 3)
#: Kernel size and stride of the convolution of DSSA.
_PATCH_SIZES = (4, 2, 1)


@MODELS.register_module()
class SpikingResformer(SpikeBackbone):
    """SpikingResformer (CVPR 2024): a ResNet's pyramid of transformer blocks.

    Three stages of strides 4, 8 and 16. The stem is a 7x7 convolution of stride 2, a norm and a max
    pool; a neuron, a 3x3 convolution of stride 2 and a norm are between the stages. A block adds an
    attention (:class:`DualSpikeSelfAttention`) and a channel mixer (:class:`GroupwiseFFN`) to the
    membrane. Any image size is possible: a tap of stride s has ``ceil(H / s)`` rows.

    Args:
        arch: ``'Ti'``, ``'S'``, ``'M'``, ``'L'``, or a dict with ``embed_dims`` and ``num_heads``
            (three each) and, optionally, ``depths``.
        group_size: Channels of a group in the default channel mixer.
        attn_cfg: Attention: a config for all stages, or a list with an entry for each of them: a
            config, ``{}`` for the default, or None for no attention.
        channel_mixer: Channel mixer, given in the same two ways.
        T: Number of time steps for an image.
        neuron_cfg: Neuron of all layers; None means the published LIF, with an ATan surrogate.
        **kwargs: Other arguments of :class:`SpikeBackbone`, except ``channels`` and ``strides``.
    """

    paper = '[SpikingResformer](https://arxiv.org/abs/2403.14302), CVPR 2024'
    arch_zoo: ClassVar[dict[str, dict[str, Any]]] = {
        'Ti': dict(embed_dims=(64, 192, 384), num_heads=(1, 3, 6), depths=_DEPTHS),
        'S': dict(embed_dims=(64, 256, 512), num_heads=(1, 4, 8), depths=_DEPTHS),
        'M': dict(embed_dims=(64, 384, 768), num_heads=(1, 6, 12), depths=_DEPTHS),
        'L': dict(embed_dims=(128, 512, 1024), num_heads=(2, 8, 16), depths=_DEPTHS),
    }

    def __init__(
        self,
        arch: str | dict[str, Any] = 'S',
        group_size: int | None = None,
        attn_cfg: dict[str, Any] | Sequence[MixerCfg] | None = None,
        channel_mixer: dict[str, Any] | Sequence[MixerCfg] | None = None,
        T: int = 4,
        neuron_cfg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        widths, depths, heads = self._resolve_arch(arch)
        neuron_cfg = neuron_cfg or dict(type='LIF', surrogate=dict(type='ATan', alpha=2.0))
        super().__init__(widths, _STRIDES, T=T, neuron_cfg=neuron_cfg, **kwargs)
        self.depths, self.num_heads = depths, heads
        attention: list[MixerCfg] = [
            dict(type='DualSpikeSelfAttention', patch_size=p) for p in _PATCH_SIZES
        ]
        mlp: MixerCfg = dict(type='GroupwiseFFN', ratio=4, group_size=group_size)
        mixers = dict(
            attn=per_stage('attn_cfg', attn_cfg, attention),
            mlp=per_stage('channel_mixer', channel_mixer, [mlp] * len(widths)),
        )
        for i, rates in enumerate(self.drop_path_rates(depths)):
            of_stage = {name: cfgs[i] for name, cfgs in mixers.items()}
            self.add_stage(self._downsample(i), [self._block(i, of_stage, rate) for rate in rates])

    def _block(self, stage: int, mixers: dict[str, MixerCfg], drop_path: float) -> SpikeBlock:
        channels = self._stage_channels[stage]
        cfg = dict(self.layer_cfg, num_heads=self.num_heads[stage])
        branches = {
            name: build_mixer(mixer, channels, **cfg)
            for name, mixer in mixers.items()
            if mixer is not None
        }
        return SpikeBlock(channels, branches, drop_path)

    def _downsample(self, stage: int) -> nn.Module:
        channels = self._stage_channels
        if stage == 0:
            conv = SpikeConv(
                self.in_channels, channels[0], 7, 2, bias=False, norm_cfg=self.norm_cfg
            )
            return nn.Sequential(conv, SpikeMaxPool())
        return SpikeConv(channels[stage - 1], channels[stage], 3, 2, bias=False, **self.layer_cfg)

    def _resolve_arch(self, arch: str | dict[str, Any]) -> tuple[Any, Any, Any]:
        arch = named_arch(self, arch, 'embed_dims and num_heads')
        widths = tuple(arch.get('embed_dims', ()))
        heads = arch.get('num_heads', ())
        heads = (heads,) * len(_STRIDES) if isinstance(heads, int) else tuple(heads)
        depths = tuple(arch.get('depths', _DEPTHS))
        if set(arch) - set(_ARCH_KEYS) or {len(widths), len(heads), len(depths)} != {len(_STRIDES)}:
            raise ValueError(
                f'arch={dict(arch)}, expected embed_dims, num_heads and, optionally, depths, three '
                'numbers each'
            )
        return widths, depths, heads
