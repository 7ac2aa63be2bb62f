"""Encoders of a pixel decoder: maps in, the same number of maps of the same shapes out."""

from collections.abc import Sequence

from mmengine.model import BaseModule, Sequential
from torch import Tensor

from .ms_deform import MSDeformEncoder
from .sdte import SDTELayer, SpikeEncoderLayer

ENCODER_LAYERS = {'SDTELayer': SDTELayer, 'SpikeEncoderLayer': SpikeEncoderLayer}


class SpikeEncoder(Sequential):
    """A stack of layers that each map passes through on its own.

    Args:
        channels: channels.
        type: ``'SDTELayer'`` or ``'SpikeEncoderLayer'``.
        num_layers: number of layers.
        **layer_cfg: arguments of a layer.
    """

    def __init__(
        self, channels: int, type: str = 'SDTELayer', num_layers: int = 6, **layer_cfg
    ) -> None:
        super().__init__(*(ENCODER_LAYERS[type](channels, **layer_cfg) for _ in range(num_layers)))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Encodes one map after the other.

        Args:
            maps: ``[T, B, C, H_l, W_l]``, coarsest first.

        Returns:
            Maps of the same shapes.
        """
        return [super(SpikeEncoder, self).forward(x) for x in maps]


def build_encoder(
    channels: int, num_levels: int, type: str = 'SDTELayer', **encoder_cfg
) -> BaseModule:
    """Builds an encoder, a module from a list of maps, coarsest first, to such a list.

    Args:
        channels: channels of the maps.
        num_levels: number of maps.
        type: ``'MSDeformEncoder'``, in which maps see each other, or the layer of a
            :class:`SpikeEncoder`, in which they do not.
        **encoder_cfg: further arguments of the encoder.

    Returns:
        The encoder.

    Raises:
        ValueError: the type is not known.
    """
    if type == 'MSDeformEncoder':
        return MSDeformEncoder(channels, num_levels, **encoder_cfg)
    if type not in ENCODER_LAYERS:
        known = [*ENCODER_LAYERS, 'MSDeformEncoder']
        raise ValueError(f'encoder: type={type!r}, expected one of {known}')
    return SpikeEncoder(channels, type, **encoder_cfg)
