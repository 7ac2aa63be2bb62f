"""Encoders of a pixel decoder. The number and the shapes of the maps do not change."""

from collections.abc import Sequence

from mmengine.model import BaseModule, Sequential
from torch import Tensor

from .ms_deform import MSDeformEncoder
from .sdte import SDTELayer, SpikeEncoderLayer

ENCODER_LAYERS = {'SDTELayer': SDTELayer, 'SpikeEncoderLayer': SpikeEncoderLayer}


class SpikeEncoder(Sequential):
    """A stack of layers that encodes each map separately.

    Args:
        channels: Channels of the maps.
        type: ``'SDTELayer'`` or ``'SpikeEncoderLayer'``.
        num_layers: Number of layers.
        **layer_cfg: Arguments of a layer.
    """

    def __init__(
        self, channels: int, type: str = 'SDTELayer', num_layers: int = 6, **layer_cfg
    ) -> None:
        super().__init__(*(ENCODER_LAYERS[type](channels, **layer_cfg) for _ in range(num_layers)))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Encode one map after the other.

        Args:
            maps: ``[T, B, C, H_l, W_l]``, coarsest first.

        Returns:
            Maps of the same shapes.
        """
        return [super(SpikeEncoder, self).forward(x) for x in maps]


def build_encoder(
    channels: int, num_levels: int, type: str = 'SDTELayer', **encoder_cfg
) -> BaseModule:
    """Build an encoder.

    Args:
        channels: Channels of the maps.
        num_levels: Number of maps.
        type: ``'MSDeformEncoder'``, which encodes all maps together, or the layer of a
            :class:`SpikeEncoder`, which encodes each map separately.
        **encoder_cfg: Further arguments of the encoder.

    Returns:
        A module from a list of maps, coarsest first, to such a list.

    Raises:
        ValueError: The type is not known.
    """
    if type == 'MSDeformEncoder':
        return MSDeformEncoder(channels, num_levels, **encoder_cfg)
    if type not in ENCODER_LAYERS:
        known = [*ENCODER_LAYERS, 'MSDeformEncoder']
        raise ValueError(f'encoder: type={type!r}, expected one of {known}')
    return SpikeEncoder(channels, type, **encoder_cfg)
