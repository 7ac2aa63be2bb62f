"""Keys of the official Semantic FPN: neck and head.

The LIF versions wrap a layer as ``Sequential(LIF, SeqToANNContainer(ConvModule))``, which gives
keys ``...1.0.conv.*``. The integer versions are plain Sequentials, in which modules without
parameters (neurons, up-samplers) take an index too.
"""

import re

from .family import Family, any_key
from .rules import Parts, Rule, rename, rename_part

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
    """Rename a key of ``FPN_SNN`` or ``QFPN``; None if unknown."""
    return rename(key, _NECK)


def fpn_head_key(key: str) -> str | None:
    """Rename a key of ``FPNHead_SNN`` or ``QFPNHead``; None if unknown."""
    return rename(key, _HEAD)


def semantic_fpn_key(key: str) -> str | None:
    """Rename a key below ``neck.`` or ``decode_head.``; None if unknown."""
    parts: Parts = {'neck': ('neck.', fpn_neck_key), 'decode_head': ('decode_head.', fpn_head_key)}
    return rename_part(key, parts)


SEMANTIC_FPN = Family(
    name='Semantic FPN',
    # ConvModules of mmseg's own FPN end in 'conv.weight', with one index less.
    recognises=any_key(
        r'(^|\.)(neck\.lateral_convs\.\d+\.(1\.0\.conv|0)'
        r'|decode_head\.scale_heads\.\d+\.\d+\.(1\.0\.conv|1))\.weight$'
    ),
    rename=semantic_fpn_key,
)
