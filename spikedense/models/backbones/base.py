"""The contract that every spiking backbone keeps."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, cast

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from spikedense.checks.pretraining import pretrained_cfgs
from spikedense.neurons import BaseNeuron, build_neuron, neuron_or_default
from spikedense.utils.clips import check_frames, split_frames

from ..layers import RunningRate, SpikeTap, checkpoint_block
from .pretrained import load_pretrained

OUT_TIMES = ('keep', 'mean', 'last', 'frames')


class SpikeStage(nn.Module):
    """One stage of a backbone: a layer that changes size and channels, then blocks that do not.

    Args:
        downsample: ``[T, B, C, H, W] -> [T, B, C', H', W']``. The first stage has the stem here,
            which reads the image. If the stem is a ``Sequential``, its layers in front of the first
            neuron run once on an image that is repeated T times.
        blocks: ``[T, B, C', H', W'] -> [T, B, C', H', W']``, any number. In a residual network the
            first block changes size and channels, and ``downsample`` changes nothing.
        spikes: Whether the blocks end in spikes or sums of spikes; a :class:`SpikeTap` then makes a
            membrane potential of the output of the stage.
    """

    def __init__(
        self, downsample: nn.Module, blocks: Iterable[nn.Module], spikes: bool = False
    ) -> None:
        super().__init__()
        self.downsample = downsample
        self.blocks = nn.ModuleList(blocks)
        self.tap = SpikeTap() if spikes else None


class SpikeBackbone(BaseModule):
    """A sequence of stages. The output of each stage, a membrane potential, can be returned.

    A subclass passes the channels and the strides of its stages to this constructor, then calls
    :meth:`add_stage` for each stage. Any number of stages is possible.

    Args:
        channels: Channels of each stage.
        strides: Stride of each stage's output, relative to the image.
        T: Number of time steps for an image, which is repeated T times; with ``clips=True`` the
            number of frames of a clip.
        in_channels: Channels of the image, or of a frame.
        neuron_cfg: Neuron of all layers; None means ``dict(type='NILIF', D=4)``.
        norm_cfg: Norm of all layers; None means ``dict(type='BN')``.
        out_indices: Numbers of the stages whose outputs are returned; None returns all.
        out_time: ``'keep'`` returns ``[T, B, C, H, W]``. The others return the input of any neck
            and head of mmseg and mmdet: ``'mean'`` averages over T and ``'last'`` takes the last
            step, both ``[B, C, H, W]``; ``'frames'`` makes an image of each step,
            ``[B*T, C, H, W]``, with the steps of a clip behind each other.
        drop_path_rate: Rate of stochastic depth of the last block; rates grow linearly from 0.
        frozen_stages: The stages ``0..frozen_stages`` are not trained; -1 trains all stages.
        norm_eval: Whether batch norms, and running firing rates, keep their statistics in training.
        with_cp: Whether blocks compute their activations again in the backward pass.
        clips: Whether the input is clips of T frames instead of images, as the clip preprocessors
            give them; see :meth:`as_steps`.
        init_cfg: Initialisation. ``dict(type='Pretrained', checkpoint=..., prefix=...)`` loads a
            checkpoint of this package or an official one, and converts official keys. Every weight
            must fit; with ``partial=True`` the weights that fit are loaded, with a warning.
    """

    #: The paper, a link in Markdown, for docs/backbones.md.
    paper: ClassVar[str] = ''

    def __init__(
        self,
        channels: Sequence[int],
        strides: Sequence[int],
        T: int = 1,
        in_channels: int = 3,
        neuron_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        out_indices: Sequence[int] | None = None,
        out_time: str = 'keep',
        drop_path_rate: float = 0.0,
        frozen_stages: int = -1,
        norm_eval: bool = False,
        with_cp: bool = False,
        clips: bool = False,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if len(channels) != len(strides) or not channels:
            raise ValueError(
                f'channels={tuple(channels)}, strides={tuple(strides)}, expected one of each for '
                'every stage'
            )
        out_indices = range(len(channels)) if out_indices is None else out_indices
        _check(len(channels), T, out_indices, out_time, frozen_stages)
        self._stage_channels = tuple(channels)
        self._stage_strides = tuple(strides)
        self.T = T
        self.in_channels = in_channels
        self.neuron_cfg = neuron_or_default(neuron_cfg)
        self.norm_cfg = norm_cfg or dict(type='BN')
        self.out_indices = tuple(out_indices)
        self.out_time = out_time
        self.drop_path_rate = drop_path_rate
        self.frozen_stages = frozen_stages
        self.norm_eval = norm_eval
        self.with_cp = with_cp
        self.clips = clips
        # Refuses a wrong neuron_cfg before any layer is built.
        build_neuron(self.neuron_cfg, self._stage_channels[0])
        self.stages = nn.ModuleList()

    @property
    def layer_cfg(self) -> dict[str, Any]:
        """Configs of neuron and norm, as arguments of a layer or a mixer."""
        return dict(neuron_cfg=self.neuron_cfg, norm_cfg=self.norm_cfg)

    def add_stage(
        self, downsample: nn.Module, blocks: Iterable[nn.Module] = (), spikes: bool = False
    ) -> None:
        """Append a stage, see :class:`SpikeStage`."""
        if len(self.stages) == len(self._stage_channels):
            raise ValueError(
                f'{type(self).__name__}: one more stage than channels={self._stage_channels}'
            )
        self.stages.append(SpikeStage(downsample, blocks, spikes))
        self._freeze()

    def drop_path_rates(self, depths: Sequence[int]) -> list[list[float]]:
        """Return the rate of stochastic depth of each block.

        Args:
            depths: Number of blocks of each stage.

        Returns:
            A list of rates for each stage; the rates grow linearly over all blocks.
        """
        last = max(1, sum(depths) - 1)
        first = [sum(depths[:i]) for i in range(len(depths))]
        return [
            [self.drop_path_rate * (start + i) / last for i in range(depth)]
            for start, depth in zip(first, depths, strict=True)
        ]

    @property
    def out_channels(self) -> tuple[int, ...]:
        """Channels of each returned feature."""
        return tuple(self._stage_channels[i] for i in self.out_indices)

    @property
    def out_strides(self) -> tuple[int, ...]:
        """Stride of each returned feature, relative to the image."""
        return tuple(self._stage_strides[i] for i in self.out_indices)

    @property
    def input_channels(self) -> int:
        """Channels of a 4-D input: ``C`` of an image, ``T*C`` of a clip."""
        return self.T * self.in_channels if self.clips else self.in_channels

    def as_steps(self, x: Tensor) -> Tensor:
        """Split clips into time steps.

        Args:
            x: Clips ``[B, T*C, H, W]`` or, with each frame as an image of the batch,
                ``[B*T, C, H, W]``.

        Returns:
            ``[T, B, C, H, W]``. With ``clips=False``, and for clips ``[T, B, C, H, W]``, the input.

        Raises:
            UserError: A clip has another number of frames than T.
        """
        if not self.clips or x.dim() != 4:
            return x
        if x.size(1) == self.in_channels and x.size(0) % self.T == 0:
            return x.unflatten(0, (-1, self.T)).transpose(0, 1)
        check_frames(x.size(1), self.T, self.in_channels, 'a clip', 'model.backbone.T')
        return split_frames(x, self.T).transpose(0, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Extract features.

        Args:
            x: Images ``[B, C, H, W]``, repeated T times, or clips ``[T, B, C, H, W]``; with
                ``clips=True`` also clips as :meth:`as_steps` takes them.

        Returns:
            A feature for each of ``out_indices``, ``[T, B, C_i, H_i, W_i]``, or what ``out_time``
            makes of it.
        """
        x = self.as_steps(x)
        outs = {}
        for i, stage in enumerate(cast(Any, self.stages)):
            x = self._stem(x) if i == 0 else stage.downsample(x)
            for block in stage.blocks:
                recompute = self.with_cp and torch.is_grad_enabled() and x.requires_grad
                x = checkpoint_block(block, x) if recompute else block(x)
            if i in self.out_indices:
                out = x if stage.tap is None else stage.tap(x)
                outs[i] = _in_time(out, self.out_time)
            if i == max(self.out_indices):
                break
        return tuple(outs[i] for i in self.out_indices)

    def _stem(self, x: Tensor) -> Tensor:
        """Run the stem; what is in front of its first neuron runs once on an image."""
        stem = cast(Any, self.stages[0]).downsample
        if x.dim() not in (4, 5) or x.size(-3) != self.in_channels:
            raise ValueError(
                f'{type(self).__name__} got an input of shape {tuple(x.shape)}, expected images '
                f'[B, {self.in_channels}, H, W] or a clip [T, B, {self.in_channels}, H, W]'
            )
        if len(self.stages) < len(self._stage_channels):
            raise ValueError(
                f'{type(self).__name__} has {len(self.stages)} stages, expected one for each of '
                f'channels={self._stage_channels}'
            )
        if x.dim() == 5:
            return stem(x)
        # Layers in front of the first neuron have no memory, so the T equal steps need them once.
        layers = list(stem) if isinstance(stem, nn.Sequential) else [stem]
        first = next((i for i, layer in enumerate(layers) if _has_neuron(layer)), len(layers))
        if first and x.device.type == 'cpu':
            # Channels-last convolutions are faster with oneDNN; all later maps keep the format.
            x = x.contiguous(memory_format=torch.channels_last)
        x = x.unsqueeze(0)
        for layer in layers[:first]:
            x = layer(x)
        x = x.expand(self.T, -1, -1, -1, -1)
        for layer in layers[first:]:
            x = layer(x)
        return x

    def init_weights(self) -> None:
        """Initialise the weights; a ``Pretrained`` checkpoint may have official keys.

        A checkpoint sets every weight, so other initialisations in ``init_cfg`` are not run. With
        ``partial=True``, the weights that the checkpoint lacks keep the values of the constructor.
        """
        pretrained = pretrained_cfgs(self)
        if not pretrained:
            super().init_weights()
            return
        for cfg in pretrained:
            if 'checkpoint' not in cfg:
                raise ValueError(f'init_cfg={dict(cfg)}, expected a checkpoint beside the type')
            load_pretrained(
                self, cfg['checkpoint'], cfg.get('prefix'), partial=cfg.get('partial', False)
            )
        self._is_init = True

    def completed(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights of a ``Pretrained`` checkpoint, by the keys of this network.

        Args:
            state: The weights by their keys; a simpler network than this one may have fewer.
        """
        return state

    def train(self, mode: bool = True) -> 'SpikeBackbone':
        """Switch the mode; frozen stages, and all norms with ``norm_eval``, stay in eval mode."""
        super().train(mode)
        self._freeze()
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, _BatchNorm | RunningRate):
                    module.eval()
        return self

    def _freeze(self) -> None:
        for stage in self.stages[: self.frozen_stages + 1]:
            stage.eval()
            stage.requires_grad_(False)

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Return the layer of a parameter, for layer-wise learning-rate decay.

        The optimizer constructor of mmpretrain calls this method.

        Args:
            param_name: Name of the parameter, with ``prefix``.
            prefix: Prefix to remove, as ``'backbone.'``.

        Returns:
            The layer id and the number of layers. The stem has id 0, each block has the next id,
            and the head is the last layer.
        """
        depths = [len(stage.blocks) for stage in cast(Any, self.stages)]
        num_layers = sum(depths) + 2
        name = param_name.removeprefix(prefix)
        if not name.startswith('stages.'):
            is_own = bool(prefix) and name != param_name
            return 0 if is_own else num_layers - 1, num_layers
        _, stage, part, *rest = name.split('.')
        before = sum(depths[: int(stage)])
        if part == 'downsample':
            return before + (int(stage) > 0), num_layers
        return before + int(rest[0]) + 1, num_layers


def _in_time(x: Tensor, out_time: str) -> Tensor:
    """Bring a feature ``[T, B, C, H, W]`` into the form that ``out_time`` names."""
    if out_time == 'mean':
        return x.mean(0)
    if out_time == 'last':
        return x[-1]
    return x.transpose(0, 1).flatten(0, 1) if out_time == 'frames' else x


def _has_neuron(layer: nn.Module) -> bool:
    return any(isinstance(module, BaseNeuron) for module in layer.modules())


def _check(num_stages: int, T: int, out_indices: Any, out_time: str, frozen_stages: int) -> None:
    if not isinstance(T, int) or T < 1:
        raise ValueError(f'T={T!r}, expected an integer of at least 1')
    taps = range(num_stages)
    if not isinstance(out_indices, Sequence) or not out_indices or set(out_indices) - set(taps):
        raise ValueError(
            f'out_indices={out_indices!r}, expected a list of taps among 0..{num_stages - 1}'
        )
    if out_time not in OUT_TIMES:
        raise ValueError(f'out_time={out_time!r}, expected one of {OUT_TIMES}')
    if frozen_stages not in (-1, *taps):
        raise ValueError(f'frozen_stages={frozen_stages!r}, expected -1..{num_stages - 1}')
