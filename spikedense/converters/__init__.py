"""Rename the keys of official checkpoints. Each family of checkpoints has its own file."""

from .convert import (
    BACKBONE,
    ConversionReport,
    convert_state_dict,
    known_families,
    recognised_families,
    register_family,
)
from .detection import (
    bbox_head_key,
    mask_head_key,
    retina_head_key,
    roi_head_key,
    rpn_head_key,
)
from .family import Family, any_key, lines_to_maps
from .sdt import (
    backbone_key,
    block_key,
    conv_block_key,
    mlp_key,
    rep_conv_key,
    sep_conv_key,
)
from .sdtv3_large import large_backbone_key, large_block_key, mae_decoder_key
from .semantic_fpn import fpn_head_key, fpn_neck_key
from .spike2former import (
    attention_key,
    decoder_layer_key,
    encoder_layer_key,
    pixel_decoder_key,
    query_mlp_key,
    sdda_key,
    spike2former_head_key,
)
from .spike2former_config import (
    is_spike2former,
    portable_text,
    spike2former_head,
    spike2former_options,
)
from .spikingresformer import dssa_key

__all__ = [
    'BACKBONE',
    'ConversionReport',
    'Family',
    'any_key',
    'attention_key',
    'backbone_key',
    'bbox_head_key',
    'block_key',
    'conv_block_key',
    'convert_state_dict',
    'decoder_layer_key',
    'dssa_key',
    'encoder_layer_key',
    'fpn_head_key',
    'fpn_neck_key',
    'is_spike2former',
    'known_families',
    'large_backbone_key',
    'large_block_key',
    'lines_to_maps',
    'mae_decoder_key',
    'mask_head_key',
    'mlp_key',
    'pixel_decoder_key',
    'portable_text',
    'query_mlp_key',
    'recognised_families',
    'register_family',
    'rep_conv_key',
    'retina_head_key',
    'roi_head_key',
    'rpn_head_key',
    'sdda_key',
    'sep_conv_key',
    'spike2former_head',
    'spike2former_head_key',
    'spike2former_options',
]
