"""Keys of the official QKFormer."""

import re

from .family import Family, any_key, lines_to_maps
from .rules import under
from .spikformer import summing_block_key

_EMBEDDING = re.compile(r'patch_embed([1-3])\.proj([1-4]|_res)?_(conv|bn)\.(.*)')
_STAGE = re.compile(r'stage([1-3])\.(\d+)\.(.*)')
#: Layers of an embedding; the first embedding counts in another way than the others.
_LAYERS = {'1': 'reduce', '2': 'conv', '3': 'reduce', '4': 'conv', '_res': 'shortcut'}


def qkformer_key(key: str) -> str | None:
    """Rename a key of a whole backbone; None if unknown."""
    if match := _EMBEDDING.match(key):
        number, layer, kind, rest = match.groups()
        inside = _LAYERS[layer] if layer else 'conv1'
        if number == '1' and layer:
            inside = f'embed.{inside}'
        part = 'conv' if kind == 'conv' else 'norm'
        return f'stages.{int(number) - 1}.downsample.{inside}.{part}.{rest}'
    if match := _STAGE.match(key):
        number, block, rest = match.groups()
        return under(f'stages.{int(number) - 1}.blocks.{block}.', summing_block_key(rest))
    return None


#: The head of a classifier has the keys of that of the Spike-driven Transformers.
QKFORMER = Family(
    name='QKFormer',
    recognises=any_key(r'(^|\.)stage1\.0\.tssa\.q_conv\.weight$'),
    rename=qkformer_key,
    prefix='backbone.',
    adapt=lines_to_maps,
)
