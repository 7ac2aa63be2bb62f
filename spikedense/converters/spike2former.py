"""Keys of the official Spike2Former head."""

from .family import Family, any_key, lines_to_maps
from .rules import Parts, Rule, rename, rename_part, under
from .sdt import mlp_key, sep_conv_key

#: Names of the head: in a segmentor, and in a panoptic or instance detector.
HEADS = ('decode_head', 'panoptic_head')
#: Index of the coarsest of four levels. Official code has separate modules to project it.
_TOP = 3

_OUTER: list[Rule] = [
    (r'(lateral_convs|output_convs)\.(\d+)\.0\.', r'\1.\2.conv.'),
    (r'(lateral_convs|output_convs)\.(\d+)\.1\.', r'\1.\2.norm.'),
    (r'encoder_in_proj\.0\.', f'lateral_convs.{_TOP}.conv.'),
    (r'encoder_in_proj\.1\.', f'lateral_convs.{_TOP}.norm.'),
    (r'encoder_out_proj\.0\.', f'encoder_convs.{_TOP}.conv.'),
    (r'encoder_out_proj\.1\.', f'encoder_convs.{_TOP}.norm.'),
    (r'mask_feature\.', 'mask_conv.conv.'),
]

_LAYER_SCALES = {
    'gamma1': 'scales.conv.weight',
    'gamma2': 'scales.attn.weight',
    'gamma3': 'scales.mlp.weight',
}

_SDDA: list[Rule] = [
    (r'dw_conv\.0\.', 'dwconv.conv.'),
    (r'dw_conv\.1\.', 'dwconv.norm.'),
    (r'offset\.0\.', 'offset_conv.conv.'),
    (r'offset\.1\.', 'offset_conv.norm.'),
    (r'mask\.0\.', 'weight_conv.conv.'),
    (r'mask\.1\.', 'weight_conv.norm.'),
]

_ATTENTION: list[Rule] = [
    (r'attn\.(q|k|v|out)_conv\.0\.', r'\1_proj.conv.'),
    (r'attn\.(q|k|v|out)_conv\.1\.', r'\1_proj.norm.'),
]

_QUERY_MLP: list[Rule] = [
    (r'fc1\.', 'widen.conv.'),
    (r'bn1\.', 'widen.norm.'),
    (r'fc2\.', 'narrow.conv.'),
    (r'bn2\.', 'narrow.norm.'),
]

_READ_OUT: list[Rule] = [
    (r'(query_embed|query_feat|level_embed|cls_embed)\.', r'\1.'),
    # A segmentor's MLP names its layers, a detector's MLP numbers layers and neurons.
    (r'mask_embed\.(fc1|fc2|fc_out)\.', r'mask_embed.\1.'),
    (r'mask_embed\.0\.', 'mask_embed.fc1.'),
    (r'mask_embed\.2\.', 'mask_embed.fc2.'),
    (r'mask_embed\.4\.', 'mask_embed.fc_out.'),
    (r'shortcut_conv\.0\.', 'mask_embed.shortcut_conv.conv.'),
    (r'shortcut_conv\.1\.', 'mask_embed.shortcut_conv.norm.'),
    (r'w$', 'mask_embed.weight'),
]


def sdda_key(key: str) -> str | None:
    """Rename a key inside ``DCNv3_pytorch``; None if unknown."""
    projections: Parts = {
        'input_proj': ('value_proj.', sep_conv_key),
        'output_proj': ('out_proj.', sep_conv_key),
    }
    return rename_part(key, projections) or rename(key, _SDDA)


def encoder_layer_key(key: str) -> str | None:
    """Rename a key inside ``DCNDetrTransformerEncoderLayer``; None if unknown."""
    return _LAYER_SCALES.get(key) or rename_part(
        key,
        {
            'Conv': ('branches.conv.', sep_conv_key),
            'dcn': ('branches.attn.', sdda_key),
            'ffn': ('branches.mlp.', mlp_key),
        },
    )


def pixel_decoder_key(key: str) -> str | None:
    """Rename a key inside ``DCNTransformerEncoderPixelDecoder``; None if unknown."""
    if key.startswith('encoder.layers.'):
        _, _, layer, rest = key.split('.', 3)
        return under(f'encoder.{layer}.', encoder_layer_key(rest))
    return rename(key, _OUTER)


def attention_key(key: str) -> str | None:
    """Rename a key inside ``MultiheadAttention``; None if unknown."""
    return rename(key, _ATTENTION)


def query_mlp_key(key: str) -> str | None:
    """Rename a key inside ``MSDA_FFN``; None if unknown."""
    return rename(key, _QUERY_MLP)


def decoder_layer_key(key: str) -> str | None:
    """Rename a key inside ``DetrTransformerDecoderLayer``; None if unknown."""
    return rename_part(
        key,
        {
            'cross_attn': ('cross_attn.', attention_key),
            'self_attn': ('self_attn.', attention_key),
            'ffn': ('mlp.', query_mlp_key),
        },
    )


def spike2former_head_key(key: str) -> str | None:
    """Rename a key of a whole head; None if unknown."""
    if key.startswith('pixel_decoder.'):
        return under('pixel_decoder.', pixel_decoder_key(key.removeprefix('pixel_decoder.')))
    if key.startswith('transformer_decoder.layers.'):
        _, _, layer, rest = key.split('.', 3)
        return under(f'transformer_decoder.layers.{layer}.', decoder_layer_key(rest))
    return rename(key, _READ_OUT)


def spike2former_key(key: str) -> str | None:
    """Rename a key of the head of a segmentor or detector; None if unknown."""
    return rename_part(key, {head: (f'{head}.', spike2former_head_key) for head in HEADS})


SPIKE2FORMER = Family(
    name='Spike2Former',
    recognises=any_key(rf'(^|\.)({"|".join(HEADS)})\.pixel_decoder\.encoder_in_proj\.0\.weight$'),
    rename=spike2former_key,
    adapt=lines_to_maps,
)
