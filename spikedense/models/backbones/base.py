"""The five-tap pyramid that the Spike-driven Transformers V2 and V3 share."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

import torch
from mmengine.model import BaseModule, PretrainedInit
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from spikedense.neurons import build_neuron

from ..layers import SpikeConv, checkpoint_block
from .pretrained import load_pretrained

OUT_TIMES = ('keep', 'mean')
NUM_STAGES = 5
_ARCH_KEYS = ('embed_dims', 'depths', 'num_heads')


class SpikeDrivenBackbone(BaseModule):
    """A stem and four more stages with membrane shortcuts, and a tap after each.

    ===  ===============================  =========  ============
    tap  after                            channels   stride
    ===  ===============================  =========  ============
    0    the stem's convolution block     E0 / 2     2
    1    convolution block                E0         4
    2    convolution blocks               E1         8
    3    transformer blocks               E2         16
    4    transformer blocks               E3         16 or 32
    ===  ===============================  =========  ============

    Any image size will do: each stride-2 convolution pads by zeros so that ``H`` becomes
    ``ceil(H / 2)``; a tap of stride s has ``ceil(H / s)`` rows. Features are membrane potentials.

    Args:
        arch: name in :attr:`arch_zoo`, or a dict with ``embed_dims`` (four) and, optionally,
            ``depths`` (five) and ``num_heads``.
        T: number of time steps an image is repeated for; a clip brings its own.
        in_channels: channels of the image.
        mlp_ratio: widening of the channel mixers.
        neuron_cfg: the neuron, passed down unchanged.
        norm_cfg: the norm.
        out_indices: taps to return.
        out_time: ``'keep'`` returns ``[T, B, C, H, W]``, ``'mean'`` averages over T and returns
            ``[B, C, H, W]``, which any neck and head of mmseg and mmdet takes.
        stage4_stride: stride of the last down-sampling; 1 as published, 2 for a true stride 32.
        drop_path_rate: stochastic depth of the last block, growing linearly from 0.
        layer_scale: start value of learnable scales in the transformer blocks; None for none.
        frozen_stages: stages ``0..frozen_stages`` are not trained (-1: all are).
        norm_eval: whether batch norms keep their running statistics in training.
        with_cp: whether blocks recompute their activations in the backward pass.
        init_cfg: initialisation; ``dict(type='Pretrained', checkpoint=..., prefix=...)`` takes
            our checkpoints and official ones (their keys are converted).
    """

    arch_zoo: ClassVar[dict[str, dict[str, Any]]] = {}
    default_depths: ClassVar[tuple[int, ...]] = (1, 1, 2, 6, 2)

    def __init__(
        self,
        arch: str | dict[str, Any],
        T: int = 1,
        in_channels: int = 3,
        mlp_ratio: int = 4,
        neuron_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        out_indices: Sequence[int] = (0, 1, 2, 4),
        out_time: str = 'keep',
        stage4_stride: int = 1,
        drop_path_rate: float = 0.0,
        layer_scale: float | None = None,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        with_cp: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self._check(T, out_indices, out_time, stage4_stride, frozen_stages)
        self.embed_dims, self.depths, self.num_heads = self._resolve_arch(arch)
        self.T = T
        self.mlp_ratio = mlp_ratio
        self.neuron_cfg = neuron_cfg or dict(type='NILIF', D=4)
        self.norm_cfg = norm_cfg or dict(type='BN')
        self.layer_scale = layer_scale
        self.out_indices = tuple(out_indices)
        self.out_time = out_time
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.with_cp = with_cp
        e0, e1, e2, e3 = self.embed_dims
        self._stage_channels = (e0 // 2, e0, e1, e2, e3)
        self._stage_strides = (2, 4, 8, 16, 16 * stage4_stride)
        build_neuron(self.neuron_cfg)  # a wrong neuron_cfg is told before anything is built

        last = max(1, sum(self.depths) - 1)
        rates = [drop_path_rate * i / last for i in range(sum(self.depths))]
        self.stages = nn.ModuleList()
        for i, depth in enumerate(self.depths):
            channels = self._stage_channels[i]
            make = self.conv_block if i < 3 else self.transformer_block
            stage = nn.ModuleDict()
            stage['downsample'] = self._downsample(i, in_channels, stage4_stride)
            stage['blocks'] = nn.ModuleList(make(channels, rates.pop(0)) for _ in range(depth))
            self.stages.append(stage)
        self._freeze()

    @abstractmethod
    def conv_block(self, channels: int, drop_path: float) -> nn.Module:
        """A block of the stages 0 to 2."""

    @abstractmethod
    def transformer_block(self, channels: int, drop_path: float) -> nn.Module:
        """A block of the stages 3 and 4."""

    @property
    def out_channels(self) -> tuple[int, ...]:
        """Channels of the returned features."""
        return tuple(self._stage_channels[i] for i in self.out_indices)

    @property
    def out_strides(self) -> tuple[int, ...]:
        """Strides of the returned features."""
        return tuple(self._stage_strides[i] for i in self.out_indices)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extracts features.

        Args:
            x: images ``[B, C, H, W]``, repeated T times, or a clip ``[T, B, C, H, W]``.

        Returns:
            A feature for each of ``out_indices``, ``[T, B, C_i, H_i, W_i]``
            (``[B, C_i, H_i, W_i]`` with ``out_time='mean'``).
        """
        outs = {}
        for i, stage in enumerate(cast(Any, self.stages)):
            x = self._stem(x) if i == 0 else stage['downsample'](x)
            for block in stage['blocks']:
                recompute = self.with_cp and torch.is_grad_enabled() and x.requires_grad
                x = checkpoint_block(block, x) if recompute else block(x)
            if i in self.out_indices:
                outs[i] = x.mean(0) if self.out_time == 'mean' else x
            if i == max(self.out_indices):
                break
        return tuple(outs[i] for i in self.out_indices)

    def _stem(self, x: Tensor) -> Tensor:
        """First convolution. It has no neuron: an image is seen once, its map repeated T times."""
        conv = cast(Any, self.stages[0])['downsample']
        in_channels = conv.conv.in_channels
        if x.dim() not in (4, 5) or x.size(-3) != in_channels:
            raise ValueError(
                f'{type(self).__name__} got an input of shape {tuple(x.shape)}, expected images '
                f'[B, {in_channels}, H, W] or a clip [T, B, {in_channels}, H, W]'
            )
        if x.dim() == 5:
            return conv(x)
        if x.device.type == 'cpu':
            # oneDNN's channels-last convolutions are faster, and all later maps inherit the format.
            x = x.contiguous(memory_format=torch.channels_last)
        return conv(x.unsqueeze(0)).expand(self.T, -1, -1, -1, -1)

    def _downsample(self, i: int, in_channels: int, stage4_stride: int) -> SpikeConv:
        if i == 0:
            return SpikeConv(
                in_channels, self._stage_channels[0], 7, 2, bias=True, norm_cfg=self.norm_cfg
            )
        return SpikeConv(
            self._stage_channels[i - 1],
            self._stage_channels[i],
            3,
            stage4_stride if i == NUM_STAGES - 1 else 2,
            bias=True,
            neuron_cfg=self.neuron_cfg,
            norm_cfg=self.norm_cfg,
        )

    def _resolve_arch(self, arch: str | dict[str, Any]) -> tuple[Any, Any, int]:
        if not isinstance(arch, Mapping):
            if arch not in self.arch_zoo:
                raise ValueError(
                    f'{type(self).__name__}: arch={arch!r}, expected one of '
                    f'{list(self.arch_zoo)} or a dict with embed_dims'
                )
            arch = self.arch_zoo[arch]
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

    def _check(
        self,
        T: int,
        out_indices: Sequence[int],
        out_time: str,
        stage4_stride: int,
        frozen_stages: int,
    ) -> None:
        if not isinstance(T, int) or T < 1:
            raise ValueError(f'T={T!r}, expected an integer of at least 1')
        taps = range(NUM_STAGES)
        if not isinstance(out_indices, Sequence) or not out_indices or set(out_indices) - set(taps):
            raise ValueError(
                f'out_indices={out_indices!r}, expected a list of taps among 0..{NUM_STAGES - 1}'
            )
        if out_time not in OUT_TIMES:
            raise ValueError(f'out_time={out_time!r}, expected one of {OUT_TIMES}')
        if stage4_stride not in (1, 2):
            raise ValueError(f'stage4_stride={stage4_stride!r}, expected 1 or 2')
        if frozen_stages not in (-1, *taps):
            raise ValueError(f'frozen_stages={frozen_stages!r}, expected -1..{NUM_STAGES - 1}')

    def init_weights(self) -> None:
        """Initialises; a ``Pretrained`` checkpoint may have official keys.

        It fills every weight, so that other initialisations beside it have nothing left to do.
        """
        cfgs = self.init_cfg if isinstance(self.init_cfg, list) else [self.init_cfg or {}]
        pretrained = [cfg for cfg in cfgs if cfg.get('type') in ('Pretrained', PretrainedInit)]
        if not pretrained:
            super().init_weights()
            return
        for cfg in pretrained:
            if 'checkpoint' not in cfg:
                raise ValueError(f'init_cfg={dict(cfg)}, expected a checkpoint beside the type')
            load_pretrained(self, cfg['checkpoint'], cfg.get('prefix'))
        self._is_init = True

    def train(self, mode: bool = True) -> 'SpikeDrivenBackbone':
        """Switches the mode; frozen stages, and all norms with ``norm_eval``, stay in eval."""
        super().train(mode)
        self._freeze()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()
        return self

    def _freeze(self) -> None:
        for stage in self.stages[: self.frozen_stages + 1]:
            stage.eval()
            stage.requires_grad_(False)

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Layer id of a parameter, for layer-wise learning-rate decay (mmpretrain's contract).

        Args:
            param_name: name of the parameter, with ``prefix``.
            prefix: prefix to strip, as ``'backbone.'``.

        Returns:
            The layer id (0 for the stem, then one a block) and the number of layers, the head's
            included.
        """
        num_layers = sum(self.depths) + 2
        name = param_name.removeprefix(prefix)
        if not name.startswith('stages.'):
            return num_layers - 1, num_layers
        _, stage, part, *rest = name.split('.')
        before = sum(self.depths[: int(stage)])
        if part == 'downsample':
            return before + (int(stage) > 0), num_layers
        return before + int(rest[0]) + 1, num_layers
