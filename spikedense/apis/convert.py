"""Conversion of official checkpoint files."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import CheckpointLoader
from torch import Tensor

from spikedense.converters import convert_state_dict, is_official, read_state_dict
from spikedense.utils.config_path import resolve_config

from .errors import UserError

#: A counter that some official files lack and that no prediction depends on.
_OPTIONAL = 'num_batches_tracked'


def _some(keys: Iterable[str]) -> str:
    keys = list(keys)
    return ', '.join(keys[:3]) + (f' and {len(keys) - 3} more' if len(keys) > 3 else '')


def convert_file(source: Path, part: str = 'all', config: str | None = None) -> dict[str, Tensor]:
    """Converts an official checkpoint of Spike-driven Transformer V2 or V3, strictly.

    Args:
        source: the file.
        part: ``'all'``, or ``'backbone'`` for the backbone alone, without its prefix.
        config: a config whose model must take the result key by key; its ``backbone`` must where
            ``part='backbone'``.

    Returns:
        Our keys and the tensors.

    Raises:
        UserError: a key is unknown, or the config's model misses or refuses one.
    """
    if not source.is_file():
        raise UserError(f"there is no checkpoint '{source}'")
    checkpoint = CheckpointLoader.load_checkpoint(str(source), map_location='cpu', logger='silent')
    try:
        state = read_state_dict(checkpoint)
    except ValueError as exc:
        raise UserError(f"'{source}': {exc}") from exc
    if not is_official(state):
        raise UserError(
            f"'{source}' has no official keys (expected downsample1_1.encode_conv.weight, found "
            f'{_some(state)})'
        )
    report = convert_state_dict(state)
    if report.unexpected:
        raise UserError(
            f"'{source}' has {len(report.unexpected)} keys that no rule knows: "
            f'{_some(report.unexpected)}'
        )
    converted = report.state_dict
    if part == 'backbone':
        prefix = 'backbone.'
        converted = {k.removeprefix(prefix): v for k, v in converted.items() if prefix in k[:9]}
    if config is not None:
        _hold_against(converted, config, part, source)
    return converted


def _hold_against(state: Mapping[str, Tensor], config: str, part: str, source: Path) -> None:
    """Sees that the model of a config takes a state dict, without loading anything."""
    cfg = Config.fromfile(str(resolve_config(config)))
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    own = MODELS.build(cfg.model.backbone if part == 'backbone' else cfg.model).state_dict()
    missing = [k for k in own if k not in state and not k.endswith(_OPTIONAL)]
    unexpected = [k for k in state if k not in own]
    shapes = [
        f'{k} is {tuple(state[k].shape)}, expected {tuple(own[k].shape)}'
        for k in state
        if k in own and state[k].shape != own[k].shape
    ]
    complaints = [
        f'{len(keys)} {what}: {_some(keys)}'
        for what, keys in (('missing', missing), ('unexpected', unexpected), ('misfits', shapes))
        if keys
    ]
    if complaints:
        raise UserError(f"'{source}' does not fit the model of '{config}': {'; '.join(complaints)}")
