"""Pixel decoder of Spike2Former."""

from collections.abc import Sequence
from typing import Any, cast

from mmengine.model import BaseModule, caffe2_xavier_init
from torch import Tensor, nn

from spikedense.neurons import neuron_or_default
from spikedense.registry import MODELS

from ..layers import SpikeConv, resize_maps, with_time
from .encoder import build_encoder

#: Number of maps that the query decoder reads.
NUM_MEMORIES = 3


@MODELS.register_module()
class SDTEPixelDecoder(BaseModule):
    r"""SDTE on the coarsest map, then a spiking feature pyramid down to the finest.

    .. math::
        y_L &= \mathrm{out}_L(\mathrm{SDTE}(\mathrm{in}_L(x_L))) \\
        y_i &= \mathrm{DWConv}_i(\mathrm{SN}(\mathrm{lat}_i(x_i) + \mathrm{up}(y_{i+1}))) \\
        \mathrm{mask} &= W_m \, \mathrm{SN}(y_0)

    The sums are sums of membrane potentials. Each convolution except the last has a norm, and mask
    features are real-valued.

    Args:
        in_channels: Channels of the maps, finest first.
        feat_channels: Channels of the memories.
        out_channels: Channels of the mask features.
        encoder: Arguments of :func:`build_encoder`; None means no encoder (an ablation).
        encoder_levels: Levels that are encoded, among them the coarsest; None means the coarsest
            only. Further levels are an ablation ("multi-scale query"). The same layers encode all
            of these levels.
        mask_level: Level of the mask features: 0, the finest, has stride 2, 1 has stride 4.
        depthwise: Whether the 3x3 convolutions of the pyramid are depth-wise and without bias;
            False, full convolutions, is an ablation.
        legacy_layout: See :class:`SpikeDrivenDeformableAttention`.
        neuron_cfg: Default ``dict(type='NILIF', D=4)``.
        norm_cfg: Default ``dict(type='BN')``.
    """

    no_nir = 'bilinear resizing has no NIR node'

    def __init__(
        self,
        in_channels: Sequence[int],
        feat_channels: int = 256,
        out_channels: int = 256,
        encoder: dict[str, Any] | None = None,
        encoder_levels: Sequence[int] | None = None,
        mask_level: int = 0,
        depthwise: bool = True,
        legacy_layout: bool = False,
        neuron_cfg: dict | None = None,
        norm_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        top = len(in_channels) - 1
        if top + 1 < NUM_MEMORIES:
            raise ValueError(
                f'in_channels={tuple(in_channels)}, expected at least {NUM_MEMORIES} levels, which '
                'the query decoder reads'
            )
        encoder_levels = (top,) if encoder_levels is None else tuple(encoder_levels)
        if not 0 <= mask_level <= top - NUM_MEMORIES + 1:
            raise ValueError(
                f'mask_level={mask_level}, expected 0..{top - NUM_MEMORIES + 1}: the query decoder '
                f'reads {NUM_MEMORIES} of {top + 1} levels'
            )
        if top not in encoder_levels or not set(encoder_levels) <= set(range(mask_level, top + 1)):
            raise ValueError(
                f'encoder_levels={encoder_levels}, expected {top}, and no level outside of '
                f'{mask_level}..{top}'
            )
        cfg: dict[str, Any] = dict(
            neuron_cfg=neuron_or_default(neuron_cfg), norm_cfg=norm_cfg or dict(type='BN')
        )
        self.in_channels = tuple(in_channels)
        self.mask_level = mask_level
        self.encoder_levels = encoder_levels
        levels = range(mask_level, top + 1)
        self.lateral_convs = nn.ModuleDict(
            {str(i): SpikeConv(in_channels[i], feat_channels, bias=True, **cfg) for i in levels}
        )
        self.encoder = None
        if encoder is not None:
            layout = dict(legacy_layout=True) if legacy_layout else {}
            self.encoder = build_encoder(
                feat_channels, len(encoder_levels), **{**cfg, **layout, **encoder}
            )
        self.encoder_convs = nn.ModuleDict(
            {
                str(i): SpikeConv(feat_channels, feat_channels, bias=True, **cfg)
                for i in encoder_levels
            }
        )
        self.output_convs = nn.ModuleDict(
            {
                str(i): SpikeConv(
                    feat_channels,
                    feat_channels,
                    3,
                    groups=feat_channels if depthwise else 1,
                    bias=not depthwise,
                    **cfg,
                )
                for i in levels[:-1]
            }
        )
        self.mask_conv = SpikeConv(
            feat_channels, out_channels, bias=True, neuron_cfg=cfg['neuron_cfg']
        )

    def init_weights(self) -> None:
        """Initialise the projections by Xavier's rule; the encoder has its own rule."""
        super().init_weights()
        if self.init_cfg is not None:
            return
        outer = (self.lateral_convs, self.encoder_convs, self.output_convs)
        for layer in (*(conv for convs in outer for conv in convs.values()), self.mask_conv):
            caffe2_xavier_init(cast(SpikeConv, layer).conv)

    def forward(self, inputs: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Decode a pyramid.

        Args:
            inputs: Maps, finest first, ``[T, B, C_i, H_i, W_i]``, or ``[B, C_i, H_i, W_i]`` for
                one step.

        Returns:
            Mask features ``[T, B, out_channels, H, W]`` at the size of the mask level, and three
            memories ``[T, B, feat_channels, h, w]``, coarsest first.
        """
        if len(inputs) != len(self.in_channels):
            raise ValueError(
                f'SDTEPixelDecoder got {len(inputs)} maps, expected {len(self.in_channels)} (one '
                'for each of in_channels)'
            )
        inputs = [with_time(x) for x in inputs]
        top = len(inputs) - 1
        encoded = self._encode(inputs)
        y = encoded[top]
        memories = [y]
        for i in range(top - 1, self.mask_level - 1, -1):
            lateral = encoded[i] if i in encoded else self.lateral_convs[str(i)](inputs[i])
            y = self.output_convs[str(i)](lateral + resize_maps(y, inputs[i].shape[-2:]))
            memories.append(y)
        return self.mask_conv(y), memories[:NUM_MEMORIES]

    def _encode(self, inputs: Sequence[Tensor]) -> dict[int, Tensor]:
        """Project and encode the encoder's levels: level -> ``[T, B, C, H, W]``."""
        levels = sorted(self.encoder_levels, reverse=True)
        maps = [self.lateral_convs[str(i)](inputs[i]) for i in levels]
        if self.encoder is not None:
            maps = self.encoder(maps)
        return {i: self.encoder_convs[str(i)](y) for i, y in zip(levels, maps, strict=True)}
