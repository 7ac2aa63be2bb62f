"""Fast arithmetic that depends on torch alone and knows no model."""

from .deform_sample import deform_sample
from .depthwise import add_dilated_sum_, dilated_sum
from .fire import fire_integer, fire_surrogate
from .norm_guard import guarded_norm
from .rep_conv import fold_conv_bn, merge_rep_conv

__all__ = [
    'add_dilated_sum_',
    'deform_sample',
    'dilated_sum',
    'fire_integer',
    'fire_surrogate',
    'fold_conv_bn',
    'guarded_norm',
    'merge_rep_conv',
]
