"""Keys of official transformers with membrane shortcuts: SDT V1, Spikingformer, Max-Former."""

import re

from .family import Family, any_key, lines_to_maps
from .rules import Rule, rename, under

_PARTS = {'conv': 'conv', 'bn': 'norm', 'conv5': 'conv', 'conv5_bn': 'norm', 'conv_bn': 'norm'}


def _layer(match: re.Match[str]) -> str:
    """Name a convolution or its norm inside of the attention."""
    name, part = match.groups()
    return f'attn.{"out_proj" if name == "proj" else f"{name}_conv"}.{_PARTS[part]}.'


def _mlp_layer(match: re.Match[str]) -> str:
    number, part = match.groups()
    return f'mlp.{"widen" if number == "1" else "narrow"}.{_PARTS[part]}.'


#: Rules inside of a block.
_BLOCK: list[Rule] = [
    (r'attn\.([qkv]|proj)_(conv|bn)\.', _layer),
    (r'mlp\.(?:fc|mlp)([12])_(conv|bn)\.', _mlp_layer),
    (r'mixer\.(conv5?(?:_bn)?)\.', lambda match: f'token_mixer.{_PARTS[match[1]]}.'),
]

#: Names of layers in the embeddings of a family -> our names below ``stages.N.downsample.``.
_SDTV1_STEM = {
    'proj_{}': 'conv1',
    'proj_{}1': 'conv2',
    'proj_{}2': 'conv3',
    'proj_{}3': 'conv4',
    'rpe_{}': 'position.branch',
}
_SPIKINGFORMER_STEM = {'proj_{}': 'conv1', **{f'proj{i}_{{}}': f'conv{i + 1}' for i in range(1, 5)}}
_MAXFORMER_STEM = {
    'embed1.embed_{}': 'conv1',
    'embed2.embed_{}': 'embed.main.conv1',
    'embed3.embed_{}': 'embed.main.conv2',
    'embed4.embed_{}': 'embed.shortcut',
}
_MAXFORMER_EMBEDDING = {
    'max_embed1.embed_{}': 'main.conv1',
    'embed1.embed_{}': 'main.conv2',
    'max_embed2.embed_{}': 'shortcut.conv',
}
_MSQKFORMER_STEM = {
    'proj_{}': 'conv1',
    'proj_{}1': 'embed.main.conv1',
    'proj_{}2': 'embed.main.conv2',
    'rpe_{}': 'embed.shortcut',
}
_MSQKFORMER_EMBEDDING = {
    'proj3_{}': 'main.conv1',
    'proj4_{}': 'main.conv2',
    'proj_res_{}': 'shortcut',
}


def _embedding(names: dict[str, str]) -> list[Rule]:
    """Build the rules of an embedding from its table of names."""
    return [
        (re.escape(official.format(part)) + r'\.', f'{ours}.{_PARTS[part]}.')
        for official, ours in names.items()
        for part in ('conv', 'bn')
    ]


def block_key(key: str) -> str | None:
    """Rename a key inside a block of any of these transformers; None if unknown."""
    return under('branches.', rename(key, _BLOCK))


def _single_stage_key(key: str, stem: list[Rule]) -> str | None:
    """Rename a key of a network with the parts ``patch_embed`` and ``block``."""
    part, _, rest = key.partition('.')
    if part == 'patch_embed':
        return under('stages.0.downsample.', rename(rest, stem))
    if part != 'block':
        return None
    number, _, rest = rest.partition('.')
    return under(f'stages.0.blocks.{number}.', block_key(rest))


def _three_stage_key(key: str, stem: list[Rule], embedding: list[Rule]) -> str | None:
    """Rename a key of a network with the parts ``patch_embed1..3`` and ``stage1..3``."""
    match = re.match(r'(patch_embed|stage)([123])\.', key)
    if match is None:
        return None
    stage, rest = int(match[2]) - 1, key[match.end() :]
    if match[1] == 'patch_embed':
        return under(f'stages.{stage}.downsample.', rename(rest, embedding if stage else stem))
    number, _, rest = rest.partition('.')
    return under(f'stages.{stage}.blocks.{number}.', block_key(rest))


SDTV1 = Family(
    name='Spike-driven Transformer V1',
    # Spikformer has the same names in its stem, so the attention tells.
    recognises=any_key(r'(^|\.)block\.\d+\.attn\.talking_heads\.weight$'),
    rename=lambda key: _single_stage_key(key, _embedding(_SDTV1_STEM)),
    prefix='backbone.',
    adapt=lines_to_maps,
    dropped=r'block\.\d+\.attn\.talking_heads\.',
)

SPIKINGFORMER = Family(
    name='Spikingformer',
    recognises=any_key(r'(^|\.)patch_embed\.proj4_conv\.weight$'),
    rename=lambda key: _single_stage_key(key, _embedding(_SPIKINGFORMER_STEM)),
    prefix='backbone.',
    adapt=lines_to_maps,
    dropped=r'block\.\d+\.norm[12]\.',
)

MAXFORMER = Family(
    name='Max-Former',
    recognises=any_key(r'(^|\.)patch_embed1\.embed4\.embed_conv\.weight$'),
    rename=lambda key: _three_stage_key(
        key, _embedding(_MAXFORMER_STEM), _embedding(_MAXFORMER_EMBEDDING)
    ),
    prefix='backbone.',
    adapt=lines_to_maps,
)

MSQKFORMER = Family(
    name='MS-QKFormer',
    recognises=any_key(r'(^|\.)patch_embed1\.rpe_conv\.weight$'),
    rename=lambda key: _three_stage_key(
        key, _embedding(_MSQKFORMER_STEM), _embedding(_MSQKFORMER_EMBEDDING)
    ),
    prefix='backbone.',
    adapt=lines_to_maps,
)
