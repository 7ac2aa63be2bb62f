"""Keys of official transformers that embed an image by convolutions, in one stage or in three.

Spikformer and QKFormer add up spikes; Spike-driven Transformer V1, Spikingformer, Max-Former and
MS-QKFormer add up membranes.
"""

import re
from collections.abc import Callable, Collection, Mapping

from torch import Tensor

from .family import Family, any_key, lines_to_maps
from .rules import Rule, rename, under

_PARTS = {
    **dict.fromkeys(('conv', 'conv5', 'linear'), 'conv'),
    **dict.fromkeys(('bn', 'conv_bn', 'conv5_bn'), 'norm'),
}


def _attention_layer(match: re.Match[str]) -> str:
    """Name a convolution or its norm inside of the attention."""
    name, part = match.groups()
    return f'attn.{"out_proj" if name == "proj" else f"{name}_conv"}.{_PARTS[part]}.'


def _mlp_layer(match: re.Match[str]) -> str:
    number, part = match.groups()
    return f'mlp.{"widen" if number == "1" else "narrow"}.{_PARTS[part]}.'


#: Rules inside of a block. An attention is ``attn``, in QKFormer also ``tssa``. Networks for CIFAR
#: have linear layers.
_BLOCK: list[Rule] = [
    (r'(?:attn|tssa)\.([qkv]|proj)_(conv|linear|bn)\.', _attention_layer),
    (r'mlp\.(?:fc|mlp)([12])_(conv|linear|bn)\.', _mlp_layer),
    (r'mixer\.(conv5?(?:_bn)?)\.', lambda match: f'token_mixer.{_PARTS[match[1]]}.'),
]

#: Official name of a layer in an embedding -> our name below ``stages.N.downsample.``
_Names = Mapping[str, str]

_SPIKFORMER_STEM = {
    'proj_{}': 'conv1',
    'proj_{}1': 'conv2',
    'proj_{}2': 'conv3',
    'proj_{}3': 'conv4',
    'rpe_{}': 'position.branches.conv',
}
_SDTV1_STEM = {**_SPIKFORMER_STEM, 'rpe_{}': 'position.branch'}
_SPIKINGFORMER_STEM = {'proj_{}': 'conv1', **{f'proj{i}_{{}}': f'conv{i + 1}' for i in range(1, 5)}}
_QKFORMER_STEM = {
    'proj_{}': 'conv1',
    'proj1_{}': 'embed.reduce',
    'proj2_{}': 'embed.conv',
    'proj_res_{}': 'embed.shortcut',
}
_QKFORMER_EMBEDDING = {'proj3_{}': 'reduce', 'proj4_{}': 'conv', 'proj_res_{}': 'shortcut'}
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


def _layers(names: _Names) -> list[Rule]:
    """Build the rules of an embedding from its table of names."""
    return [
        (re.escape(official.format(part)) + r'\.', f'{ours}.{_PARTS[part]}.')
        for official, ours in names.items()
        for part in ('conv', 'bn')
    ]


def _renaming(stem: _Names, embedding: _Names | None) -> Callable[[str], str | None]:
    """Build the function that renames a key of a backbone.

    Args:
        stem: Layers of the first embedding.
        embedding: Layers of the second and third one; None for a network of one stage, which has
            the parts ``patch_embed`` and ``block`` in place of ``patch_embed1..3`` and
            ``stage1..3``.
    """
    place = re.compile(
        r'(patch_embed|block)()\.' if embedding is None else r'(patch_embed|stage)([123])\.'
    )
    rules = [_layers(stem), _layers(embedding or {})]

    def rename_key(key: str) -> str | None:
        match = place.match(key)
        if match is None:
            return None
        stage, rest = int(match[2] or 1) - 1, key[match.end() :]
        if match[1] == 'patch_embed':
            return under(f'stages.{stage}.downsample.', rename(rest, rules[stage > 0]))
        number, _, rest = rest.partition('.')
        return under(f'stages.{stage}.blocks.{number}.branches.', rename(rest, _BLOCK))

    return rename_key


def _matrices_to_maps(value: Tensor) -> Tensor:
    """Give matrices ``[out, in]`` and 1D kernels the shape of 1x1 kernels, ``[out, in, 1, 1]``."""
    return value[:, :, None, None] if value.dim() == 2 else lines_to_maps(value)


def _family(
    name: str,
    recognises: Callable[[Collection[str]], bool],
    stem: _Names,
    embedding: _Names | None = None,
    dropped: str | None = None,
) -> Family:
    """Build the family of a network from the names of its layers, see :class:`Family`."""
    return Family(
        name,
        recognises,
        _renaming(stem, embedding),
        prefix='backbone.',
        adapt=_matrices_to_maps,
        dropped=dropped,
        heads={'head': 'head.fc'},
    )


_position, _mlp = any_key(r'(^|\.)patch_embed\.rpe_conv\.weight$'), any_key(r'(^|\.)mlp\.fc1_\w+\.')
_talking_heads = any_key(r'(^|\.)block\.\d+\.attn\.talking_heads\.weight$')

SPIKFORMER = _family(
    'Spikformer',
    # Spike-driven Transformer V1 has the same names in its stem, so its attention tells.
    lambda keys: _position(keys) and _mlp(keys) and not _talking_heads(keys),
    _SPIKFORMER_STEM,
    dropped=r'block\.\d+\.norm[12]\.',
)

SDTV1 = _family(
    'Spike-driven Transformer V1',
    _talking_heads,
    _SDTV1_STEM,
    dropped=r'block\.\d+\.attn\.talking_heads\.',
)

SPIKINGFORMER = _family(
    'Spikingformer',
    any_key(r'(^|\.)patch_embed\.proj4_conv\.weight$'),
    _SPIKINGFORMER_STEM,
    dropped=r'block\.\d+\.norm[12]\.',
)

QKFORMER = _family(
    'QKFormer',
    any_key(r'(^|\.)stage1\.0\.tssa\.q_conv\.weight$'),
    _QKFORMER_STEM,
    _QKFORMER_EMBEDDING,
)

MAXFORMER = _family(
    'Max-Former',
    any_key(r'(^|\.)patch_embed1\.embed4\.embed_conv\.weight$'),
    _MAXFORMER_STEM,
    _MAXFORMER_EMBEDDING,
)

MSQKFORMER = _family(
    'MS-QKFormer',
    any_key(r'(^|\.)patch_embed1\.rpe_conv\.weight$'),
    _MSQKFORMER_STEM,
    _MSQKFORMER_EMBEDDING,
)
