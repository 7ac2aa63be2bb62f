"""SpikeAtConv."""

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import nn

from spikedense.neurons import build_neuron, hidden_neuron
from spikedense.registry import MODELS

from ..layers import MixerCfg, SpikeConv, SpikeTap
from .arch import named_arch
from .transformer import SpikeTransformer

RESIDUALS = ('membrane', 'spikes')
#: Name of a branch -> the argument with its config, and what changes in the config.
_BRANCHES: dict[str, tuple[str, dict[str, Any]]] = {
    'token_mixer': ('token_mixer', {}),
    'window': ('attn_cfg', dict(partition='window')),
    'window_mlp': ('channel_mixer', {}),
    'attn': ('attn_cfg', {}),
    'mlp': ('channel_mixer', {}),
}
_STRIDES = (4, 8, 16, 32)


@MODELS.register_module()
class SpikeAtConv(SpikeTransformer):
    """SpikeAtConv (Frontiers in Neuroscience 2025): ConvNeXt parts and spiking grid attention.

    Four stages of strides 4, 8, 16 and 32. The stem is two 3x3 convolutions, the first one of
    stride 2; a neuron, a 3x3 convolution of stride 2 and a norm begin each stage. A block adds a
    convolution part (:class:`SpikeConvNeXt`), a grid attention (:class:`SpikeGridAttention`) and an
    MLP to the membrane. Any image size is possible: a tap of stride s has ``ceil(H / s)`` rows.

    The paper is on classification and has no public code. What it leaves open is an argument: of
    this class, of the convolution part (``token_mixer=dict(kernel_size=7, ratio=4)``), of the
    attention (``attn_cfg=dict(head_dim=32, grid_size=7, scale=None)``) or of the neuron
    (``neuron_cfg=dict(type='MBPL', v_reset=0.0, surrogate=...)``). The MBConv of MaxViT is
    ``token_mixer=dict(type='SpikeSeparableConv', kernel_size=3, expansion=4)``. ``neuron_cfg``
    takes the five SPK blocks: ``SL``, ``RL``, ``MBPL``, ``HSL`` and ``DCL``, and ``MixedMBPL``, the
    MBPL with ConvNeXt layers.

    Args:
        arch: ``'Tiny'``, ``'Base'``, ``'Large'``, or a dict as ``dict(embed_dims=[64, 128, 256,
            512], depths=[1, 3, 6, 1])`` with, optionally, ``drop_path_rate``.
        stem_channels: Channels of both convolutions of the stem; None means half of the first
            width.
        stem_kernel_size: Side of the kernel of the second convolution of the stem.
        downsample_kernel_size: Side of the kernels at the beginning of the stages, an odd number.
        residual: ``'membrane'``, or ``'spikes'``: then a neuron is behind each branch, and a map is
            a sum of spikes.
        branches: Branches of a block in their order. ``('token_mixer', 'window', 'window_mlp',
            'attn', 'mlp')`` is the order of MaxViT, with an attention among neighbours.
        out_spike: Whether a neuron makes spikes of each returned feature.
        T: Number of time steps for an image.
        neuron_cfg: Neuron of all layers; None means ``dict(type='MBPL')``.
        drop_path_rate: See :class:`SpikeBackbone`; None means that of ``arch``: 0, 0.1 and 0.2 for
            Tiny, Base and Large.
        **kwargs: Other arguments of :class:`SpikeTransformer`, except ``strides``.
    """

    paper = '[SpikeAtConv](https://arxiv.org/abs/2411.17439), Frontiers in Neuroscience 2025'
    arch_zoo: ClassVar[dict[str, dict[str, Any]]] = {
        'Tiny': dict(embed_dims=(64, 128, 256, 512), depths=(1, 3, 6, 1)),
        'Base': dict(embed_dims=(128, 256, 512, 1024), depths=(2, 6, 12, 2), drop_path_rate=0.1),
        'Large': dict(embed_dims=(160, 320, 640, 1280), depths=(2, 6, 16, 2), drop_path_rate=0.2),
    }
    width_divisor = 2

    def __init__(
        self,
        arch: str | dict[str, Any] = 'Tiny',
        stem_channels: Sequence[int] | None = None,
        stem_kernel_size: int = 3,
        downsample_kernel_size: int = 3,
        residual: str = 'membrane',
        branches: Sequence[str] = ('token_mixer', 'attn', 'mlp'),
        out_spike: bool = False,
        T: int = 1,
        neuron_cfg: dict[str, Any] | None = None,
        drop_path_rate: float | None = None,
        **kwargs: Any,
    ) -> None:
        if residual not in RESIDUALS:
            raise ValueError(f'residual={residual!r}, expected one of {RESIDUALS}')
        if not branches or set(branches) - set(_BRANCHES) or len(set(branches)) < len(branches):
            raise ValueError(f'branches={branches!r}, expected some of {tuple(_BRANCHES)}')
        for key, side in (
            ('stem_kernel_size', stem_kernel_size),
            ('downsample_kernel_size', downsample_kernel_size),
        ):
            if not isinstance(side, int) or side < 1 or side % 2 == 0:
                raise ValueError(f'{key}={side!r}, expected an odd number')
        sizes = dict(named_arch(self, arch, 'embed_dims and depths'))
        rate = sizes.pop('drop_path_rate', 0.0)
        self.sums_spikes = residual == 'spikes'
        self._stem_channels, self._stem_kernel = stem_channels, stem_kernel_size
        self._down_kernel, self._names = downsample_kernel_size, tuple(branches)
        super().__init__(
            sizes,
            _STRIDES,
            T=T,
            neuron_cfg=neuron_cfg or dict(type='MBPL'),
            drop_path_rate=rate if drop_path_rate is None else drop_path_rate,
            **kwargs,
        )
        for i in self.out_indices if out_spike else ():
            stage: Any = self.stages[i]
            neuron = build_neuron(self.neuron_cfg, self._stage_channels[i])
            stage.tap = nn.Sequential(stage.tap or nn.Identity(), neuron, SpikeTap())

    def default_mixers(self) -> dict[str, list[MixerCfg]]:
        """See :class:`SpikeTransformer`."""
        stages = len(_STRIDES)
        return dict(
            token_mixer=[dict(type='SpikeConvNeXt')] * stages,
            attn_cfg=[dict(type='SpikeGridAttention')] * stages,
            channel_mixer=[dict(type='ChannelConv', kernel_size=1)] * stages,
        )

    def _branches(self, stage: int, mixers: dict[str, MixerCfg]) -> dict[str, nn.Module]:
        """Build the branches of one block in their order."""
        width, built = self._stage_channels[stage], {}
        for name in self._names:
            key, changes = _BRANCHES[name]
            cfg = mixers[key]
            if cfg is not None:
                built[name] = self._mixer({**cfg, **changes}, width)
        return built

    def embedding(self, stage: int) -> nn.Module:
        """Build the layer in front of the blocks of a stage: with the stem in the first stage."""
        to = self._stage_channels[stage]
        norm: dict[str, Any] = dict(norm_cfg=self.norm_cfg)
        layers: list[nn.Module] = []
        of, neuron_cfg = self._stage_channels[max(0, stage - 1)], self.neuron_cfg
        if stage == 0:
            first, of = self._stem_channels or (to // 2,) * 2
            layers = [
                SpikeConv(self.in_channels, first, 3, 2, **norm),
                SpikeConv(first, of, self._stem_kernel, **norm),
            ]
            neuron_cfg = hidden_neuron(self.neuron_cfg)
        reads_spikes = self.sums_spikes and stage > 0
        entry = None if reads_spikes else neuron_cfg
        layers.append(SpikeConv(of, to, self._down_kernel, 2, neuron_cfg=entry, **norm))
        if self.sums_spikes:
            layers.append(build_neuron(self.neuron_cfg, to))
        return nn.Sequential(*layers) if len(layers) > 1 else layers[0]
