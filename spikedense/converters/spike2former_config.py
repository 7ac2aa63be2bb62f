"""The config that an official Spike2Former checkpoint needs."""

import re
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from torch import Tensor

_ENCODER = 'decode_head.pixel_decoder.encoder.{}.branches.mlp.widen.conv.weight'
_WEIGHTS = 'decode_head.pixel_decoder.encoder.0.branches.attn.weight_conv.conv.weight'
_POINTS = 9
#: An environment variable in the text of a config, with its default value.
_VARIABLE = re.compile(r'\{\{\$(\w+):([^}]*)\}\}')
_DECODER = 'decode_head.transformer_decoder.layers.{}.mlp.widen.conv.weight'


def is_spike2former(state: Mapping[str, Tensor]) -> bool:
    """Tell whether a converted state dict holds a Spike2Former head."""
    return 'decode_head.mask_embed.fc_out.weight' in state


def spike2former_options(state: Mapping[str, Tensor], D: int = 4) -> dict[str, Any]:
    """Return options that make a Spike2Former config fit an official checkpoint.

    Sizes are read from the weights. The neuron of the released code has no state between steps, and
    its tensor layout differs from the one in this package. The file does not tell D.

    Args:
        state: A converted state dict with the prefix ``decode_head.``.
        D: Largest integer of the neurons that the weights were trained with.

    Returns:
        Dotted keys of the config, and their values.
    """
    queries, width = state['decode_head.query_feat.weight'].shape
    head: dict[str, Any] = dict(
        num_classes=state['decode_head.cls_embed.weight'].size(0) - 1,
        num_queries=queries,
        feat_channels=width,
        out_channels=state['decode_head.mask_embed.fc_out.weight'].size(0),
        legacy_layout=True,
    )
    for part, pattern in (('pixel_decoder.encoder', _ENCODER), ('transformer_decoder', _DECODER)):
        head[f'{part}.num_layers'] = _count(state, pattern)
        head[f'{part}.mlp_ratio'] = state[pattern.format(0)].size(0) // width
    head['pixel_decoder.encoder.attn_cfg.num_groups'] = state[_WEIGHTS].size(0) // _POINTS
    options = {f'model.decode_head.{key}': value for key, value in head.items()}
    for part in ('backbone', 'decode_head'):
        options[f'model.{part}.neuron_cfg.D'] = D
        options[f'model.{part}.neuron_cfg.stateful'] = False
    return options


def _count(state: Mapping[str, Tensor], pattern: str) -> int:
    """Count the layers whose keys have a pattern."""
    key = re.compile(re.escape(pattern).replace(r'\{\}', r'\d+'))
    return sum(key.fullmatch(name) is not None for name in state)


def portable_text(cfg: Config) -> str:
    """Return the text of a merged config with its environment variables, as ``DATA_ROOT``.

    mmengine replaces the variables while it reads a config, so its own text would keep the folders
    of the machine.

    Args:
        cfg: A config that was read from a file.
    """
    text = cfg.pretty_text
    for name, default in dict.fromkeys(_VARIABLE.findall(cfg.text)):
        value = str(cfg.env_variables.get(name) or default)
        # A value of one word, as 'data', is a folder only in front of a slash.
        end = r"(?=[/'\"])" if '/' in value else '(?=/)'
        variable = f'{{{{${name}:{default}}}}}'
        text = re.sub(rf"(?<=['\"]){re.escape(value)}{end}", variable, text)
    return text
