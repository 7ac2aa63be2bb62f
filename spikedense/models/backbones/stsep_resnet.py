"""STSepResNet: residual networks with a spatial and a temporal branch in each block."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

from mmengine.logging import print_log
from torch import Tensor, nn

from spikedense.neurons import non_stateful
from spikedense.registry import MODELS

from ..layers import BranchBalance, SpikeConv, SpikeMaxPool, TemporalBranch
from .base import SpikeBackbone
from .resnet import DEPTHS, read_arch, stage_widths
from .stsep_block import STSepBlock

_EXPANSION = 4
#: The settings of the temporal branches and of the balance, and their defaults.
TEMPORAL_BRANCH: Mapping[str, Any] = MappingProxyType(
    dict(reduction=4, offsets=(1,), on_off=False, attn='gate')
)
BALANCE: Mapping[str, Any] = MappingProxyType(dict(init=0.25, learnable=True, per='channel'))


@MODELS.register_module()
class STSepResNet(SpikeBackbone):
    r"""STSep-style ResNet for clips: spatial semantics and temporal differences apart.

    This is a reconstruction, not a reproduction. The paper's abstract and public summaries say
    that each residual block is split into a spatial branch without state and a temporal branch of
    explicit frame differences, that the temporal branch has a spike-based attention, and that the
    two are balanced. All else is a choice of this project: pre-activation blocks of MS-ResNet,
    where the difference is taken (on the membrane), the bottleneck, the form of the attention, the
    learnable balance per channel and its start value.

    .. math::
        y = \mathrm{shortcut}(x) + (1 - a) \, \mathrm{spatial}(x) + a \, \mathrm{temporal}(x)

    The neurons of the spatial branch are non-stateful; those of the temporal branch are what
    ``neuron_cfg`` says. The stem is a 7x7 convolution of stride 2, a norm and a max pooling; the
    stages have the strides 4, 8, 16, 32. A time step is a frame. An image, repeated T times, has no
    motion: do not train temporal branches on images, since the statistics of their norms would be
    degenerate. Train a network with ``temporal_branch=None`` on images; a checkpoint of it is
    inflated by ``init_cfg=dict(type='Pretrained', ...)``: the whole network then computes at first
    exactly what the image network computes for each frame.

    For ablations, ``temporal_branch=None`` has only non-stateful MS-ResNet blocks, with
    ``spatial_stateful=True`` only stateful ones (an ordinary SNN); ``balance=dict(init=0,
    learnable=False)`` is the spatial branch alone, and ``init=1`` the temporal branch alone.

    Args:
        arch: 18, 34, 50; or a dict with ``depths``, ``base_channels`` (64) and ``bottleneck``
            (False).
        temporal_branch: None, or a dict with ``reduction`` (4: the width of the 3x3 convolutions
            over that of the bottleneck), ``offsets`` ((1,), in frames), ``on_off`` (False) and
            ``attn`` (``'gate'``, ``'channel_sdsa'`` or None); see :class:`TemporalBranch`.
        temporal_stages: Numbers of the stages whose blocks have the branch; None means all.
        balance: A dict with ``init`` (0.25), ``learnable`` (True) and ``per`` (``'channel'`` or
            ``'block'``); see :class:`BranchBalance`.
        spatial_stateful: Whether the neurons of the spatial branch are those of ``neuron_cfg``.
        T: Number of time steps of an image; a clip has its own.
        neuron_cfg: None means ``dict(type='LIF', decay_input=False)``, so that a non-stateful
            potential is the current, :math:`V[t] = I[t]`.
        **kwargs: Other arguments of :class:`SpikeBackbone`, except ``channels`` and ``strides``.
    """

    paper = (
        '[Unleashing Temporal Capacity of Spiking Neural Networks through Spatiotemporal '
        'Separation](https://arxiv.org/abs/2512.05472), reconstructed from its abstract'
    )
    arch_zoo: ClassVar[dict[int, dict[str, Any]]] = {
        size: dict(depths=DEPTHS[size], bottleneck=size >= 50) for size in (18, 34, 50)
    }

    def __init__(
        self,
        arch: int | Mapping[str, Any] = 18,
        temporal_branch: Mapping[str, Any] | None = TEMPORAL_BRANCH,
        temporal_stages: Sequence[int] | None = None,
        balance: Mapping[str, Any] = BALANCE,
        spatial_stateful: bool = False,
        T: int = 1,
        neuron_cfg: dict | None = None,
        **kwargs: Any,
    ) -> None:
        size = read_arch(self, arch, base_channels=64, bottleneck=False)
        widths, depths = stage_widths(size), size['depths']
        self._bottleneck = size['bottleneck']
        channels = [w * (_EXPANSION if self._bottleneck else 1) for w in widths]
        super().__init__(
            channels,
            [4 * 2**i for i in range(len(channels))],
            T=T,
            neuron_cfg=neuron_cfg or dict(type='LIF', decay_input=False),
            **kwargs,
        )
        stages = range(len(channels)) if temporal_stages is None else temporal_stages
        if set(stages) - set(range(len(channels))):
            raise ValueError(
                f'temporal_stages={temporal_stages!r}, expected stages among 0..{len(channels) - 1}'
            )
        self._temporal = _settings('temporal_branch', temporal_branch, TEMPORAL_BRANCH)
        self._balance = _settings('balance', balance, BALANCE) or {}
        neuron = self.neuron_cfg if spatial_stateful else non_stateful(self.neuron_cfg)
        self._spatial_cfg = dict(neuron_cfg=neuron, norm_cfg=self.norm_cfg)
        last = widths[0]
        for i, rates in enumerate(self.drop_path_rates(depths)):
            blocks = []
            for j, rate in enumerate(rates):
                stride = 2 if i > 0 and j == 0 else 1
                blocks.append(self._block(last, widths[i], stride, i in stages, rate))
                last = channels[i]
            stem = SpikeConv(self.in_channels, widths[0], 7, 2, norm_cfg=self.norm_cfg)
            self.add_stage(nn.Sequential(stem, SpikeMaxPool()) if i == 0 else nn.Identity(), blocks)

    def _block(
        self, last: int, width: int, stride: int, temporal: bool, drop_path: float
    ) -> STSepBlock:
        cfg: dict[str, Any] = self._spatial_cfg
        if self._bottleneck:
            channels = width * _EXPANSION
            spatial = [
                SpikeConv(last, width, 1, **cfg),
                SpikeConv(width, width, 3, stride, **cfg),
                SpikeConv(width, channels, 1, **cfg),
            ]
        else:
            channels = width
            spatial = [SpikeConv(last, width, 3, stride, **cfg), SpikeConv(width, width, 3, **cfg)]
        changes = stride > 1 or last != channels
        shortcut = SpikeConv(last, channels, 1, stride, norm_cfg=self.norm_cfg) if changes else None
        branch = balance = None
        if self._temporal is not None and temporal:
            given = dict(self._temporal)
            narrow = _narrowed(width, given.pop('reduction'))
            branch = TemporalBranch(last, channels, narrow, stride, **given, **self.layer_cfg)
            balance = BranchBalance(channels, **self._balance)
        return STSepBlock(spatial, branch, shortcut, balance, drop_path)

    def completed(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Inflate the weights of an image network, see :meth:`STSepBlock.inflated`."""
        blocks = [
            (f'{name}.', block)
            for name, block in self.named_modules()
            if isinstance(block, STSepBlock) and block.temporal is not None
        ]
        if not blocks or any(key.startswith(f'{at}temporal.') for at, _ in blocks for key in state):
            return state
        for at, block in blocks:
            own = {key.removeprefix(at): state[key] for key in state if key.startswith(at)}
            state = {**state, **{f'{at}{key}': v for key, v in block.inflated(own).items()}}
        print_log(f'{type(self).__name__}: weights of an image network inflated', logger='current')
        return state


def _settings(
    key: str, given: Mapping[str, Any] | None, defaults: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Return the given settings besides the defaults."""
    unknown = set(given or ()) - set(defaults)
    if unknown:
        raise ValueError(f'{key}={dict(given or {})}, expected some of {list(defaults)}')
    return None if given is None else {**defaults, **given}


def _narrowed(width: int, reduction: int) -> int:
    if not isinstance(reduction, int) or reduction < 1 or width % reduction:
        raise ValueError(
            f'temporal_branch: reduction={reduction!r}, expected a divisor of {width} channels'
        )
    return width // reduction
