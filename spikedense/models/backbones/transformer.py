"""The base of spiking transformers whose stages are an embedding and blocks of mixers."""

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, ClassVar

from torch import Tensor, nn

from spikedense.neurons import build_neuron

from ..layers import (
    MixerCfg,
    Shortcut,
    SpikeBlock,
    SpikeConv,
    SpikeMaxPool,
    SpikeSumBlock,
    build_mixer,
    per_stage,
)
from ..layers.mixers.build import with_argument
from .arch import named_arch
from .base import SpikeBackbone
from .pyramid import StageMixers

_ARCH_KEYS = ('embed_dims', 'depths', 'num_heads')
#: Names of the branches of a block, in running order.
_BRANCHES = dict(token_mixer='token_mixer', attn_cfg='attn', channel_mixer='mlp')


class SpikeTransformer(SpikeBackbone):
    """Any number of stages; a stage is an embedding, then blocks with membrane shortcuts.

    A block has up to three mixers: a token mixer, an attention and a channel mixer. Mixers are
    built by :func:`build_mixer`. Each family has default configs. A config without a type, or with
    the type of the default or of a subclass of it, changes arguments of the default.

    Args:
        arch: Name in :attr:`arch_zoo`, or a dict with ``embed_dims`` and ``depths``, one number for
            each stage, and, optionally, ``num_heads``, one number for all stages.
        strides: Stride of each stage, relative to the image.
        T: Number of time steps for an image.
        neuron_cfg: Neuron of all layers; None means ``dict(type='LIF')``.
        mlp_ratio: Ratio of hidden channels to channels in the channel mixers that have no ``ratio``
            of their own; None means 4.
        token_mixer: Token mixer: a config for all stages that have a token mixer by default, or a
            list with an entry for each stage: a config, ``{}`` for the default, or None for no
            mixer.
        attn_cfg: Attention, given in the same two ways; ``num_heads`` is passed in if needed.
        channel_mixer: Channel mixer, given in the same two ways.
        **kwargs: Other arguments of :class:`SpikeBackbone`, except ``channels``.
    """

    arch_zoo: ClassVar[dict[str, dict[str, Any]]] = {}
    #: The width of the first stage is a multiple of this number.
    width_divisor: ClassVar[int]

    #: Whether embeddings end in spikes, and blocks add up spikes: ``x = x + SN(mixer(x))``.
    sums_spikes: bool = False

    #: Arguments of a family that set an argument of its default mixers.
    shortcuts: tuple[Shortcut, ...] = ()

    def __init__(
        self,
        arch: str | dict[str, Any],
        strides: Sequence[int],
        T: int = 4,
        neuron_cfg: dict | None = None,
        mlp_ratio: int | None = None,
        token_mixer: StageMixers = None,
        attn_cfg: StageMixers = None,
        channel_mixer: StageMixers = None,
        **kwargs: Any,
    ) -> None:
        embed_dims, depths, num_heads = self._resolve_arch(arch, len(strides))
        super().__init__(
            embed_dims, strides, T=T, neuron_cfg=neuron_cfg or dict(type='LIF'), **kwargs
        )
        self.depths, self.num_heads = depths, num_heads
        given = dict(token_mixer=token_mixer, attn_cfg=attn_cfg, channel_mixer=channel_mixer)
        defaults = self.default_mixers()
        mixers = {key: per_stage(key, given[key], defaults[key]) for key in given}
        mixers['channel_mixer'] = [
            with_argument(mixer, 'ratio', 4 if mlp_ratio is None else mlp_ratio)
            for mixer in mixers['channel_mixer']
        ]
        ratio = Shortcut('mlp_ratio', mlp_ratio, 'channel_mixer', 'ratio')
        for shortcut in (ratio, *self.shortcuts):
            shortcut.check(given[shortcut.key], mixers[shortcut.key])
        for stage, rates in enumerate(self.drop_path_rates(depths)):
            of_stage = {key: mixers[key][stage] for key in mixers}
            blocks = [self.block(stage, of_stage, rate) for rate in rates]
            self.add_stage(self.embedding(stage), blocks, self.sums_spikes)

    @abstractmethod
    def embedding(self, stage: int) -> nn.Module:
        """Build the layer in front of the blocks of a stage; the first one reads the image."""

    @abstractmethod
    def default_mixers(self) -> dict[str, list[MixerCfg]]:
        """Return the default mixers of a family.

        Returns:
            ``token_mixer``, ``attn_cfg`` and ``channel_mixer``, each with a config for each stage.
        """

    def block(self, stage: int, mixers: dict[str, MixerCfg], drop_path: float) -> nn.Module:
        """Build a block of a stage.

        Args:
            stage: Number of the stage.
            mixers: ``token_mixer``, ``attn_cfg`` and ``channel_mixer``, None for no such mixer.
            drop_path: Rate of stochastic depth.
        """
        branches = self._branches(stage, mixers)
        if self.sums_spikes:
            return SpikeSumBlock(branches, drop_path, neuron_cfg=self.neuron_cfg)
        return SpikeBlock(self._stage_channels[stage], branches, drop_path)

    def _branches(self, stage: int, mixers: dict[str, MixerCfg]) -> dict[str, nn.Module]:
        """Build the mixers of one block, by the names of the branches."""
        width = self._stage_channels[stage]
        return {
            name: self._mixer(cfg, width)
            for key, name in _BRANCHES.items()
            if (cfg := mixers[key]) is not None
        }

    def _mixer(self, cfg: dict[str, Any], width: int) -> nn.Module:
        if self.sums_spikes:
            cfg = with_argument(cfg, 'reads_spikes', True) or {}
        mixer = build_mixer(cfg, width, num_heads=self.num_heads, **self.layer_cfg)
        if self.sums_spikes and 'reads_spikes' not in cfg:
            raise ValueError(
                f'{type(self).__name__}: {type(mixer).__name__} begins with a neuron, expected a '
                'mixer that takes reads_spikes: its input is a sum of spikes'
            )
        return mixer

    def default_heads(self, width: int) -> int:
        """Return the number of heads of an ``arch`` that names none.

        Args:
            width: Channels of the last stage.
        """
        return 8

    def _resolve_arch(
        self, arch: str | Mapping[str, Any], stages: int
    ) -> tuple[tuple[int, ...], tuple[int, ...], int]:
        arch = named_arch(self, arch, 'embed_dims and depths')
        unknown = [key for key in arch if key not in _ARCH_KEYS]
        if unknown or 'embed_dims' not in arch or 'depths' not in arch:
            raise ValueError(
                f'arch={dict(arch)}, expected embed_dims, depths and, optionally, num_heads'
            )
        dims, depths = _as_tuple(arch['embed_dims']), _as_tuple(arch['depths'])
        if len(dims) != stages or dims[0] % self.width_divisor:
            raise ValueError(
                f'arch: embed_dims={dims}, expected {stages} widths, the first one a multiple of '
                f'{self.width_divisor}'
            )
        if len(depths) != stages or min(depths) < 0:
            raise ValueError(f'arch: depths={depths}, expected {stages} numbers of blocks')
        return dims, depths, arch.get('num_heads', self.default_heads(dims[-1]))


def _as_tuple(numbers: Any) -> tuple[Any, ...]:
    """Return the numbers of all stages; a number alone is that of the only stage."""
    return tuple(numbers) if isinstance(numbers, Sequence) else (numbers,)


def named_sequence(**layers: nn.Module) -> nn.Sequential:
    """Build a sequence of layers with names."""
    return nn.Sequential(OrderedDict(layers))


def pooled_convolutions(
    channels: Sequence[int], pools: Sequence[bool], neuron_cfg: dict, norm_cfg: dict
) -> dict[str, nn.Module]:
    """Build 3x3 convolutions with a norm; behind the first one, each reads (pooled) spikes.

    Args:
        channels: Channels of the input, then of each convolution.
        pools: Whether the spikes that the second, third, ... convolution reads are pooled.
        neuron_cfg: Config of the neurons.
        norm_cfg: Config of the norms.

    Returns:
        ``conv1, neuron1, pool1, conv2, ...`` in running order; a pooling that is left out has no
        entry.
    """
    layers: dict[str, nn.Module] = {}
    for i, (of, to) in enumerate(pairwise(channels)):
        if i:
            layers[f'neuron{i}'] = build_neuron(neuron_cfg)
        if i and pools[i - 1]:
            layers[f'pool{i}'] = SpikeMaxPool()
        layers[f'conv{i + 1}'] = SpikeConv(of, to, 3, norm_cfg=norm_cfg)
    return layers


class MembraneShortcut(nn.Module):
    """Adds a branch to the membrane: ``x + branch(x)``.

    Args:
        branch: ``[T, B, C, H, W] -> [T, B, C, H, W]``; it begins with a neuron.
    """

    def __init__(self, branch: nn.Module) -> None:
        super().__init__()
        self.branch = branch

    def forward(self, x: Tensor) -> Tensor:
        """``[T, B, C, H, W] -> [T, B, C, H, W]``."""
        return x + self.branch(x)

    def summands(self) -> dict[str, nn.Module]:
        """Return the branch."""
        return dict(branch=self.branch)
