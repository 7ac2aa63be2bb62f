"""The config that an official Spike2Former checkpoint needs."""

import re
from collections.abc import Mapping
from typing import Any

from mmengine.config import Config
from torch import Tensor

from .spike2former import HEADS

_ENCODER = 'pixel_decoder.encoder.{}.branches.mlp.widen.conv.weight'
_WEIGHTS = 'pixel_decoder.encoder.0.branches.attn.weight_conv.conv.weight'
_POINTS = 9
_DECODER = 'transformer_decoder.layers.{}.mlp.widen.conv.weight'
#: An environment variable in the text of a config, with its default value.
_VARIABLE = re.compile(r'\{\{\$(\w+):([^}]*)\}\}')


def spike2former_head(state: Mapping[str, Tensor]) -> str | None:
    """Find the Spike2Former head in a converted state dict.

    Args:
        state: A converted state dict.

    Returns:
        ``'decode_head'`` in a segmentor, ``'panoptic_head'`` in a detector; None if there is none.
    """
    return next((name for name in HEADS if f'{name}.mask_embed.fc_out.weight' in state), None)


def is_spike2former(cfg: Config, name: str) -> bool:
    """Tell whether the model of a config has a head with queries, which takes the options.

    Args:
        cfg: The config.
        name: Name of the head, see :func:`spike2former_head`.
    """
    return 'num_queries' in (cfg.model.get(name) or {})


def spike2former_options(state: Mapping[str, Tensor], name: str, D: int = 4) -> dict[str, Any]:
    """Return options that make a Spike2Former config fit an official checkpoint.

    Sizes are read from the weights. The neuron of the released code has no state between steps, and
    its tensor layout differs from the one in this package. Without a state the steps of an image
    are equal, so one step is enough, whatever T the release names. The file does not tell D, and
    not how many of a detector's classes are things.

    Args:
        state: A converted state dict of a whole segmentor or detector.
        name: Name of the head, see :func:`spike2former_head`.
        D: Largest integer of the neurons that the weights were trained with.

    Returns:
        Dotted keys of the config, and their values.
    """
    weights = {
        key.removeprefix(f'{name}.'): value
        for key, value in state.items()
        if key.startswith(f'{name}.')
    }
    queries, width = weights['query_feat.weight'].shape
    head: dict[str, Any] = dict(
        num_queries=queries,
        feat_channels=width,
        out_channels=weights['mask_embed.fc_out.weight'].size(0),
        legacy_layout=True,
    )
    if name == 'decode_head':
        head['num_classes'] = weights['cls_embed.weight'].size(0) - 1
    for part, pattern in (('pixel_decoder.encoder', _ENCODER), ('transformer_decoder', _DECODER)):
        head[f'{part}.num_layers'] = _count(weights, pattern)
        head[f'{part}.mlp_ratio'] = weights[pattern.format(0)].size(0) // width
    head['pixel_decoder.encoder.attn_cfg.num_groups'] = weights[_WEIGHTS].size(0) // _POINTS
    options = {f'model.{name}.{key}': value for key, value in head.items()}
    options['model.backbone.T'] = 1
    for part in ('backbone', name):
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
