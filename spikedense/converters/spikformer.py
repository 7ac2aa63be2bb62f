"""Keys of the official Spikformer, the networks for ImageNet and for CIFAR."""

import re
from collections.abc import Collection

from torch import Tensor

from .family import Family, any_key, lines_to_maps
from .rules import Rule, rename, under

_STEM_LAYER = re.compile(r'patch_embed\.proj_(conv|bn)([1-3]?)\.(.*)')
_STEM: list[Rule] = [
    (r'patch_embed\.rpe_conv\.', 'stages.0.downsample.position.branches.conv.conv.'),
    (r'patch_embed\.rpe_bn\.', 'stages.0.downsample.position.branches.conv.norm.'),
]

#: Attentions are ``attn``, or ``tssa`` in QKFormer; networks for CIFAR have linear layers.
_BLOCK: list[Rule] = [
    (r'(?:attn|tssa)\.([qkv])_(?:conv|linear)\.', r'branches.attn.\1_conv.conv.'),
    (r'(?:attn|tssa)\.([qkv])_bn\.', r'branches.attn.\1_conv.norm.'),
    (r'(?:attn|tssa)\.proj_(?:conv|linear)\.', 'branches.attn.out_proj.conv.'),
    (r'(?:attn|tssa)\.proj_bn\.', 'branches.attn.out_proj.norm.'),
    (r'mlp\.fc1_(?:conv|linear)\.', 'branches.mlp.widen.conv.'),
    (r'mlp\.fc1_bn\.', 'branches.mlp.widen.norm.'),
    (r'mlp\.fc2_(?:conv|linear)\.', 'branches.mlp.narrow.conv.'),
    (r'mlp\.fc2_bn\.', 'branches.mlp.narrow.norm.'),
]


def summing_block_key(key: str) -> str | None:
    """Rename a key inside a block of Spikformer or QKFormer; None if unknown."""
    return rename(key, _BLOCK)


def spikformer_key(key: str) -> str | None:
    """Rename a key of a whole backbone; None if unknown."""
    if match := _STEM_LAYER.match(key):
        kind, number, rest = match.groups()
        part = 'conv' if kind == 'conv' else 'norm'
        return f'stages.0.downsample.conv{int(number or 0) + 1}.{part}.{rest}'
    if key.startswith('block.'):
        _, number, rest = key.split('.', 2)
        return under(f'stages.0.blocks.{number}.', summing_block_key(rest))
    return rename(key, _STEM)


def matrices_to_maps(value: Tensor) -> Tensor:
    """Give matrices ``[out, in]`` and 1D kernels the shape of 1x1 kernels, ``[out, in, 1, 1]``."""
    return value[:, :, None, None] if value.dim() == 2 else lines_to_maps(value)


_stem, _mlp = any_key(r'(^|\.)patch_embed\.rpe_conv\.weight$'), any_key(r'(^|\.)mlp\.fc1_\w+\.')
_sdt_v1 = any_key(r'\.talking_heads\.')


def _is_spikformer(keys: Collection[str]) -> bool:
    """Tell Spikformer from Spike-driven Transformer V1, whose other keys are the same."""
    return _stem(keys) and _mlp(keys) and not _sdt_v1(keys)


#: The head of a classifier has the keys of that of the Spike-driven Transformers.
SPIKFORMER = Family(
    name='Spikformer',
    recognises=_is_spikformer,
    rename=spikformer_key,
    prefix='backbone.',
    adapt=matrices_to_maps,
    dropped=r'block\.\d+\.norm[12]\.',
)
