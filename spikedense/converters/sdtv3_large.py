"""Keys of the official large models of SDT V3: backbones, classifiers, masked auto-encoders."""

from .family import Family, any_key, lines_to_maps
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

#: The decoder of the masked auto-encoder, and the norm behind its encoder.
_DECODER: list[Rule] = [
    (r'norm\.', 'norm.'),
    (r'decoder_embed\.', 'neck.embed.'),
    (r'decoder_pos_embed$', 'neck.position'),
    (r'decoder_blocks\.(\d+)\.norm([12])\.', r'neck.blocks.\1.ln\2.'),
    (r'decoder_blocks\.(\d+)\.attn\.', r'neck.blocks.\1.attn.'),
    (r'decoder_blocks\.(\d+)\.mlp\.fc1\.', r'neck.blocks.\1.ffn.layers.0.0.'),
    (r'decoder_blocks\.(\d+)\.mlp\.fc2\.', r'neck.blocks.\1.ffn.layers.1.'),
    (r'decoder_norm\.', 'neck.norm.'),
    (r'decoder_pred\.', 'neck.pred.'),
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


def mae_decoder_key(key: str) -> str | None:
    """Rename a key of a masked auto-encoder that is not of its backbone; None if unknown."""
    return rename(key, _DECODER)


#: The large models have no separable convolutions, so these keys are theirs alone.
SDT_LARGE_BACKBONE = Family(
    name='Spike-driven Transformer V3, large',
    recognises=any_key(r'(^|\.)ConvBlock1_1\.0\.conv1\.0\.(module\.)?0\.weight$'),
    rename=large_backbone_key,
    prefix='backbone.',
    adapt=lines_to_maps,
    heads=CLASSIFIER_LAYERS,
)

SDT_MAE_DECODER = Family(
    name='its masked auto-encoder',
    recognises=lambda keys: 'decoder_embed.weight' in keys and SDT_LARGE_BACKBONE.recognises(keys),
    rename=mae_decoder_key,
    # Nothing is added to the tokens of the encoder, and the mask token is repeated zero times.
    dropped=r'(pos_embed|mask_token)$',
)
