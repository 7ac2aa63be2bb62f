"""Keys of the official Semantic-FPN necks and heads.

The LIF versions wrap layers as ``Sequential(LIF, SeqToANNContainer(ConvModule))``, hence
``...1.0.conv.*``; the integer versions are plain Sequentials whose parameter-free modules
(neurons, up-samplers) take an index as well.
"""

import re

from .rules import Rule, rename

_NECK: list[Rule] = [
    (r'(lateral_convs|fpn_convs)\.(\d+)\.1\.0\.conv\.', r'\1.\2.conv.'),
    (r'(lateral_convs|fpn_convs)\.(\d+)\.1\.0\.bn\.', r'\1.\2.norm.'),
    (r'(lateral_convs|fpn_convs)\.(\d+)\.0\.', r'\1.\2.conv.'),
    (r'(lateral_convs|fpn_convs)\.(\d+)\.1\.', r'\1.\2.norm.'),
]


def _integer_scale_head(match: re.Match[str]) -> str:
    level, index, part = match.groups()
    name = 'conv' if part == '1' else 'norm'
    return f'scale_heads.{level}.convs.{int(index) // 2}.{name}.'


_HEAD: list[Rule] = [
    (r'scale_heads\.(\d+)\.(\d+)\.1\.0\.conv\.', r'scale_heads.\1.convs.\2.conv.'),
    (r'scale_heads\.(\d+)\.(\d+)\.1\.0\.bn\.', r'scale_heads.\1.convs.\2.norm.'),
    (r'scale_heads\.(\d+)\.(\d+)\.([12])\.', _integer_scale_head),
    (r'conv_seg\.', 'conv_seg.'),
]


def fpn_neck_key(key: str) -> str | None:
    """Key of ``FPN_SNN`` or ``QFPN``; None where unknown."""
    return rename(key, _NECK)


def fpn_head_key(key: str) -> str | None:
    """Key of ``FPNHead_SNN`` or ``QFPNHead``; None where unknown."""
    return rename(key, _HEAD)
