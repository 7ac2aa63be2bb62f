"""Official checkpoints' keys -> ours, as pure functions on names and state dicts."""

from .checkpoint import ConversionReport, convert_state_dict, is_official, read_state_dict
from .fpn import fpn_head_key, fpn_neck_key
from .sdt import backbone_key, block_key, conv_block_key, rep_conv_key

__all__ = [
    'ConversionReport',
    'backbone_key',
    'block_key',
    'conv_block_key',
    'convert_state_dict',
    'fpn_head_key',
    'fpn_neck_key',
    'is_official',
    'read_state_dict',
    'rep_conv_key',
]
