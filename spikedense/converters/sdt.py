"""Keys of the official Spike-driven Transformers V2 and V3, backbones and classifiers."""

from collections.abc import Callable

from .family import Family, any_key, lines_to_maps
from .rules import Rule, rename, rename_part, under

#: RepConv: 1x1, BNAndPad, (depth-wise 3x3, 1x1, BN).
_REP_CONV: list[Rule] = [
    (r'body\.0\.', 'expand.'),
    (r'body\.1\.bn\.', 'border_norm.norm.'),
    (r'body\.2\.0\.', 'depthwise.'),
    (r'body\.2\.1\.', 'project.'),
    (r'body\.2\.2\.', 'norm.'),
]

#: Separable convolutions: V3 has (conv, BN) pairs, V2 has single modules.
_SEP_CONV: list[Rule] = [
    (r'pwconv1\.0\.', 'expand.conv.'),
    (r'pwconv1\.1\.', 'expand.norm.'),
    (r'dwconv\.0\.', 'depthwise.conv.'),
    (r'dwconv\.1\.', 'depthwise.norm.'),
    (r'pwconv2\.0\.', 'project.conv.'),
    (r'pwconv2\.1\.', 'project.norm.'),
    (r'pwconv1\.', 'expand.conv.'),
    (r'bn1\.', 'expand.norm.'),
    (r'dwconv\.', 'depthwise.conv.'),
    (r'pwconv2\.', 'project.conv.'),
    (r'bn2\.', 'project.norm.'),
]

#: Two convolutions, or the linear layers of MLPixer and SRB (ST-ERF).
_CHANNEL_MIXER: list[Rule] = [
    (r'conv1\.', 'widen.conv.'),
    (r'bn1\.', 'widen.norm.'),
    (r'conv2\.', 'narrow.conv.'),
    (r'bn2\.', 'narrow.norm.'),
    (r'fc1\.', 'widen.linear.'),
    (r'fc2\.', 'narrow.linear.'),
]

_MLP: list[Rule] = [
    (r'fc1_conv\.', 'widen.conv.'),
    (r'fc1_bn\.', 'widen.norm.'),
    (r'fc2_conv\.', 'narrow.conv.'),
    (r'fc2_bn\.', 'narrow.norm.'),
]

_STAGES: list[Rule] = [
    (r'downsample1_1\.', 'stages.0.downsample.'),
    (r'downsample1_2\.', 'stages.1.downsample.'),
    (r'downsample2\.', 'stages.2.downsample.'),
    (r'downsample3\.', 'stages.3.downsample.'),
    (r'downsample4\.', 'stages.4.downsample.'),
    (r'ConvBlock1_1\.(\d+)\.', r'stages.0.blocks.\1.'),
    (r'ConvBlock1_2\.(\d+)\.', r'stages.1.blocks.\1.'),
    (r'ConvBlock2_1\.0\.', 'stages.2.blocks.0.'),
    (r'ConvBlock2_2\.0\.', 'stages.2.blocks.1.'),
    (r'block3\.(\d+)\.', r'stages.3.blocks.\1.'),
    (r'block4\.(\d+)\.', r'stages.4.blocks.\1.'),
]

_DOWNSAMPLE: list[Rule] = [(r'encode_conv\.', 'conv.'), (r'encode_bn\.', 'norm.')]

#: Linear layers on the backbone; the second one of a distilled classifier is ``head_kd``.
CLASSIFIER_LAYERS = {'head': 'head.fc', 'head_kd': 'head.fc_kd'}

_LAYER_SCALES = {
    'layer_scale1': 'scales.conv.weight',
    'layer_scale2': 'scales.attn.weight',
    'layer_scale3': 'scales.mlp.weight',
}


def rep_conv_key(key: str) -> str | None:
    """Rename a key inside a RepConv; None if unknown."""
    return rename(key, _REP_CONV)


def sep_conv_key(key: str) -> str | None:
    """Rename a key inside a separable convolution; None if unknown."""
    return rename(key, _SEP_CONV)


def mlp_key(key: str) -> str | None:
    """Rename a key inside a channel MLP; None if unknown."""
    return rename(key, _MLP)


def conv_block_key(key: str) -> str | None:
    """Rename a key inside a convolution block; None if unknown."""
    if key.startswith('Conv.'):
        return under('branches.token_mixer.', sep_conv_key(key[5:]))
    return under('branches.channel_mixer.', rename(key, _CHANNEL_MIXER))


def block_key(key: str) -> str | None:
    """Rename a key inside a transformer block; None if unknown."""
    return _LAYER_SCALES.get(key) or rename_part(
        key,
        {
            'conv': ('branches.conv.', sep_conv_key),
            'mlp': ('branches.mlp.', mlp_key),
            'attn': ('branches.attn.', _attention_key),
        },
    )


def _attention_key(key: str) -> str | None:
    """Rename a key inside an attention.

    ``q_conv.0.*`` is the convolution (or RepConv) of a projection, ``q_conv.1.*`` its BN.
    """
    part, _, rest = key.partition('.')
    if part not in ('q_conv', 'k_conv', 'v_conv', 'proj_conv'):
        return None
    part = 'out_proj' if part == 'proj_conv' else part
    index, _, leaf = rest.partition('.')
    if index == '1':
        return f'{part}.norm.{leaf}'
    if leaf.startswith('body.'):
        return under(f'{part}.conv.', rep_conv_key(leaf))
    return f'{part}.conv.{leaf}'


def backbone_key(
    key: str,
    conv_block: Callable[[str], str | None] = conv_block_key,
    block: Callable[[str], str | None] = block_key,
) -> str | None:
    """Rename a key of a whole backbone.

    Args:
        key: The key.
        conv_block: Renames a key inside a convolution block, in the first three stages.
        block: Renames a key inside a transformer block.

    Returns:
        The new key, or None if it is unknown.
    """
    new = rename(key, _STAGES)
    if new is None:
        return None
    _, stage, part, *rest = new.split('.')
    if part == 'downsample':
        return under(f'stages.{stage}.downsample.', rename('.'.join(rest), _DOWNSAMPLE))
    inner = conv_block if int(stage) < 3 else block
    return under(f'stages.{stage}.blocks.{rest[0]}.', inner('.'.join(rest[1:])))


_HAS_STEM = any_key(r'(^|\.)downsample1_1\.encode_conv\.weight$')
#: The large models of V3 have the same names of stages, but other blocks, see sdtv3_large.py.
_IS_LARGE = any_key(r'(^|\.)ConvBlock1_1\.0\.conv1\.0\.')

SDT_BACKBONE = Family(
    name='Spike-driven Transformer',
    recognises=lambda keys: _HAS_STEM(keys) and not _IS_LARGE(keys),
    rename=backbone_key,
    prefix='backbone.',
    adapt=lines_to_maps,
    heads=CLASSIFIER_LAYERS,
)
