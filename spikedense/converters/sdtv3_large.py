"""Keys of the official large models of Spike-driven Transformer V3, backbones and classifiers."""

from .family import Family, any_key, classifier_of, lines_to_maps
from .rules import Rule, rename, rename_part, under
from .sdt import CLASSIFIER_LAYERS, backbone_key, mlp_key

#: A convolution and its BN; older versions of SpikingJelly write another level in between.
_CONV_BLOCK: list[Rule] = [
    (r'conv1\.0\.(?:module\.)?0\.', 'widen.conv.'),
    (r'conv1\.0\.(?:module\.)?1\.', 'widen.norm.'),
    (r'conv2\.0\.(?:module\.)?0\.', 'narrow.conv.'),
    (r'conv2\.0\.(?:module\.)?1\.', 'narrow.norm.'),
]

_STACKED_CONV: list[Rule] = [
    (r'conv1\.0\.', 'expand.'),
    (r'conv1\.1\.', 'expand_norm.'),
    (r'conv2\.0\.', 'project.'),
    (r'conv2\.1\.', 'norms.0.'),
]

_ATTENTION: list[Rule] = [
    (r'proj_conv\.', 'out_proj.'),
    (r'([qkv])_conv\.', r'\1_conv.'),
]

_LAYER_SCALES = {
    'layer_scale1': 'scales.attn.weight',
    'layer_scale2': 'scales.mlp.weight',
}


def large_block_key(key: str) -> str | None:
    """Rename a key inside a transformer block; None if unknown."""
    return _LAYER_SCALES.get(key) or rename_part(
        key,
        {
            'rep_conv': ('branches.conv.', lambda rest: rename(rest, _STACKED_CONV)),
            'mlp': ('branches.mlp.', mlp_key),
            'attn': ('branches.attn.', _attention_key),
        },
    )


def _attention_key(key: str) -> str | None:
    """Rename a key inside an attention; ``q_conv.0`` has two convolutions, ``q_conv.1`` is a BN."""
    new = rename(key, _ATTENTION)
    if new is None:
        return None
    part, index, leaf = new.split('.', 2)
    if index == '1':
        return f'{part}.norms.1.{leaf}'
    return under(f'{part}.', rename(leaf, _STACKED_CONV))


def _conv_block_key(key: str) -> str | None:
    """Rename a key inside a convolution block; None if unknown."""
    return under('branches.mlp.', rename(key, _CONV_BLOCK))


def large_backbone_key(key: str) -> str | None:
    """Rename a key of a whole backbone; None if unknown."""
    return backbone_key(key, _conv_block_key, large_block_key)


#: The large models have no separable convolutions, so these keys are theirs alone.
SDT_LARGE_BACKBONE = Family(
    name='Spike-driven Transformer V3, large',
    recognises=any_key(r'(^|\.)ConvBlock1_1\.0\.conv1\.0\.(module\.)?0\.weight$'),
    rename=large_backbone_key,
    prefix='backbone.',
    adapt=lines_to_maps,
)

SDT_LARGE_CLASSIFIER = classifier_of(
    'its large classifier', SDT_LARGE_BACKBONE, layers=CLASSIFIER_LAYERS
)
