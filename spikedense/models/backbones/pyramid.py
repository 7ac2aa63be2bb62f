"""The pyramid of five stages of the Spike-driven Transformers V2 and V3."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from torch import nn

from ..layers import MixerCfg, Shortcut, SpikeBlock, SpikeConv, build_mixer, per_stage
from ..layers.mixers.build import with_argument
from .arch import named_arch
from .base import SpikeBackbone

NUM_STAGES = 5
#: The first three stages are convolutional, the others are transformers.
NUM_CONV_STAGES = 3
_ARCH_KEYS = ('embed_dims', 'depths', 'num_heads')

#: A mixer for all stages, or one for each stage (None: no such mixer there).
StageMixers = dict[str, Any] | Sequence[MixerCfg] | None


class SpikeDrivenPyramid(SpikeBackbone):
    """A stem and four more stages with membrane shortcuts, with a tap (output) after each stage.

    ===  ===============================  =========  ============
    tap  after                            channels   stride
    ===  ===============================  =========  ============
    0    the stem's convolution block     E0 / 2     2
    1    convolution block                E0         4
    2    convolution blocks               E1         8
    3    transformer blocks               E2         16
    4    transformer blocks               E3         16 or 32
    ===  ===============================  =========  ============

    Any image size is possible: each stride-2 convolution pads with zeros, so ``H`` becomes
    ``ceil(H / 2)``, and a tap of stride s has ``ceil(H / s)`` rows.

    A block has up to three mixers: a token mixer, an attention and a channel mixer. Mixers are
    built by :func:`build_mixer`. Each family has default configs. A config without a type, or with
    the type of the default or of a subclass of it, changes arguments of the default.

    Args:
        arch: Name in :attr:`arch_zoo`, or a dict with ``embed_dims`` (four) and, optionally,
            ``depths`` (five) and ``num_heads``.
        mlp_ratio: Ratio of hidden channels to channels in the channel mixers that have no ``ratio``
            of their own; None means 4.
        token_mixer: Token mixer: a config for all stages that have a token mixer by default, or a
            list with an entry for each of the five stages: a config, ``{}`` for the default, or
            None for no mixer.
        attn_cfg: Attention, given in the same two ways; ``num_heads`` is passed in if needed.
        channel_mixer: Channel mixer, given in the same two ways.
        stage4_stride: Stride of the last down-sampling; 1 as published, 2 for an output of stride
            32.
        layer_scale: Start value of learnable scales in the transformer blocks; None for no scales.
        **kwargs: Other arguments of :class:`SpikeBackbone`, except ``channels`` and ``strides``.
    """

    arch_zoo: ClassVar[dict[str, dict[str, Any]]] = {}
    default_depths: ClassVar[tuple[int, ...]] = (1, 1, 2, 6, 2)

    #: Arguments of a family that set an argument of its default mixers.
    shortcuts: tuple[Shortcut, ...] = ()

    def __init__(
        self,
        arch: str | dict[str, Any],
        mlp_ratio: int | None = None,
        token_mixer: StageMixers = None,
        attn_cfg: StageMixers = None,
        channel_mixer: StageMixers = None,
        stage4_stride: int = 1,
        layer_scale: float | None = None,
        out_indices: Sequence[int] = (0, 1, 2, 4),
        **kwargs: Any,
    ) -> None:
        if stage4_stride not in (1, 2):
            raise ValueError(f'stage4_stride={stage4_stride!r}, expected 1 or 2')
        embed_dims, depths, num_heads = self._resolve_arch(arch)
        e0, e1, e2, e3 = embed_dims
        channels = (e0 // 2, e0, e1, e2, e3)
        strides = (2, 4, 8, 16, 16 * stage4_stride)
        super().__init__(channels, strides, out_indices=out_indices, **kwargs)
        self.depths, self.num_heads = depths, num_heads
        self.mlp_ratio = 4 if mlp_ratio is None else mlp_ratio
        given = dict(token_mixer=token_mixer, attn_cfg=attn_cfg, channel_mixer=channel_mixer)
        defaults = self.default_mixers()
        mixers = {key: per_stage(key, given[key], defaults[key]) for key in given}
        mixers['channel_mixer'] = [
            with_argument(mixer, 'ratio', self.mlp_ratio) for mixer in mixers['channel_mixer']
        ]
        ratio = Shortcut('mlp_ratio', mlp_ratio, 'channel_mixer', 'ratio')
        for shortcut in (ratio, *self.shortcuts):
            shortcut.check(given[shortcut.key], mixers[shortcut.key])
        rates = self.drop_path_rates(depths)
        for i in range(NUM_STAGES):
            scale = layer_scale if i >= NUM_CONV_STAGES else None
            of_stage = {key: mixers[key][i] for key in mixers}
            self.add_stage(
                self._downsample(i),
                [
                    SpikeBlock(channels[i], self._branches(i, of_stage), rate, scale)
                    for rate in rates[i]
                ],
            )

    @abstractmethod
    def default_mixers(self) -> dict[str, list[MixerCfg]]:
        """Return the default mixers of a family.

        Returns:
            ``token_mixer``, ``attn_cfg`` and ``channel_mixer``, each with a config for each stage.
        """

    def _branches(self, stage: int, mixers: dict[str, MixerCfg]) -> dict[str, nn.Module]:
        """Build the mixers of one block, by the names of the branches."""
        channels = self._stage_channels[stage]
        is_conv = stage < NUM_CONV_STAGES
        names = dict(
            token_mixer='token_mixer' if is_conv else 'conv',
            attn_cfg='attn',
            channel_mixer='channel_mixer' if is_conv else 'mlp',
        )
        # The build order decides the start weights of a seed, so it must not change.
        order = tuple(names) if is_conv else ('attn_cfg', 'channel_mixer', 'token_mixer')
        built = {}
        for key in order:
            cfg = mixers[key]
            if cfg is not None:
                built[names[key]] = build_mixer(
                    cfg, channels, num_heads=self.num_heads, **self.layer_cfg
                )
        return {name: built[name] for name in names.values() if name in built}

    def _downsample(self, stage: int) -> SpikeConv:
        if stage == 0:
            return SpikeConv(
                self.in_channels, self._stage_channels[0], 7, 2, bias=True, norm_cfg=self.norm_cfg
            )
        stride = self._stage_strides[stage] // self._stage_strides[stage - 1]
        return SpikeConv(
            self._stage_channels[stage - 1],
            self._stage_channels[stage],
            3,
            stride,
            bias=True,
            **self.layer_cfg,
        )

    def _resolve_arch(self, arch: str | dict[str, Any]) -> tuple[Any, Any, int]:
        arch = named_arch(self, arch, 'embed_dims')
        unknown = [key for key in arch if key not in _ARCH_KEYS]
        if unknown or 'embed_dims' not in arch:
            raise ValueError(
                f'arch={dict(arch)}, expected embed_dims and, optionally, depths and num_heads'
            )
        dims = tuple(arch['embed_dims'])
        depths = tuple(arch.get('depths', self.default_depths))
        heads = arch.get('num_heads', 8)
        if len(dims) != 4 or dims[0] % 2:
            raise ValueError(f'arch: embed_dims={dims}, expected four widths, the first one even')
        if len(depths) != NUM_STAGES or min(depths) < 0:
            raise ValueError(f'arch: depths={depths}, expected {NUM_STAGES} numbers of blocks')
        return dims, depths, heads
