"""Keys of the official SpikingResformer, backbone and classifier."""

import re

from .family import Family, any_key
from .rules import Rule, rename, under

#: DSSA, then GWFFN.
_BLOCK: tuple[tuple[str, list[Rule]], ...] = (
    (
        'branches.attn.',
        [
            (r'firing_rate_x$', 'input_rate.rate'),
            (r'firing_rate_attn$', 'attn_rate.rate'),
            (r'W\.', 'reduce.conv.'),
            (r'norm\.bn\.', 'reduce.norm.'),
            (r'Wproj\.', 'out_proj.conv.'),
            (r'norm_proj\.bn\.', 'out_proj.norm.'),
        ],
    ),
    (
        'branches.mlp.',
        [
            (r'up\.1\.', 'widen.conv.'),
            (r'up\.2\.bn\.', 'widen.norm.'),
            (r'conv\.0\.1\.', 'mix.conv.'),
            (r'conv\.0\.2\.bn\.', 'mix.norm.'),
            (r'down\.1\.', 'narrow.conv.'),
            (r'down\.2\.bn\.', 'narrow.norm.'),
        ],
    ),
)

_STEM: list[Rule] = [
    (r'prologue\.0\.', 'stages.0.downsample.0.conv.'),
    (r'prologue\.1\.bn\.', 'stages.0.downsample.0.norm.'),
]

_DOWNSAMPLE: list[Rule] = [(r'conv\.', 'conv.'), (r'norm\.bn\.', 'norm.')]


def dssa_key(key: str) -> str | None:
    """Rename a key inside a DSSA; None if unknown."""
    return rename(key, _BLOCK[0][1])


def spikingresformer_key(key: str) -> str | None:
    """Rename a key of a whole backbone; None if unknown.

    A list ``layers.STAGE`` has the down-sampling layer (not in the first stage), then DSSA and
    GWFFN in turn.
    """
    match = re.match(r'layers\.(\d+)\.(\d+)\.', key)
    if match is None:
        return rename(key, _STEM)
    stage, index, rest = int(match[1]), int(match[2]), key[match.end() :]
    index -= stage > 0
    if index < 0:
        return under(f'stages.{stage}.downsample.', rename(rest, _DOWNSAMPLE))
    branch, rules = _BLOCK[index % 2]
    return under(f'stages.{stage}.blocks.{index // 2}.{branch}', rename(rest, rules))


SPIKINGRESFORMER = Family(
    name='SpikingResformer',
    recognises=any_key(r'(^|\.)layers\.0\.0\.firing_rate_x$'),
    rename=spikingresformer_key,
    prefix='backbone.',
    heads={'classifier': 'head.fc'},
)
