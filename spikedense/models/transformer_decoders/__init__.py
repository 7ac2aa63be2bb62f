"""Query decoders."""

from .spike_decoder import SpikeDecoderLayer, SpikeTransformerDecoder

__all__ = ['SpikeDecoderLayer', 'SpikeTransformerDecoder']
