"""Conversion of official checkpoint files."""

from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import CheckpointLoader
from torch import Tensor

from spikedense.converters import (
    convert_state_dict,
    is_official,
    is_spike2former,
    read_state_dict,
    spike2former_options,
)
from spikedense.errors import UserError
from spikedense.utils.config_path import resolve_config
from spikedense.utils.wording import some_of

#: A counter that some official files lack and that no prediction depends on.
_OPTIONAL = 'num_batches_tracked'


#: Config of a Spike2Former checkpoint where none is given.
_SPIKE2FORMER = 'spike2former/spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py'


def convert_file(
    source: Path, part: str = 'all', config: str | None = None, D: int = 4
) -> tuple[dict[str, Tensor], Config | None]:
    """Converts an official checkpoint of SDT-V2, SDT-V3 or Spike2Former, strictly.

    Args:
        source: the file.
        part: ``'all'``, or ``'backbone'`` for the backbone alone, without its prefix.
        config: a config whose model must take the result key by key; its ``backbone`` must where
            ``part='backbone'``. A whole Spike2Former has one by default.
        D: largest integer of a Spike2Former's neurons, which no file records.

    Returns:
        Our keys and the tensors; and for a whole Spike2Former the config that it needs.

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
            f'{some_of(state)})'
        )
    report = convert_state_dict(state)
    if report.unexpected:
        raise UserError(
            f"'{source}' has {len(report.unexpected)} keys that no rule knows: "
            f'{some_of(report.unexpected)}'
        )
    converted = report.state_dict
    if part == 'backbone':
        prefix = 'backbone.'
        converted = {k.removeprefix(prefix): v for k, v in converted.items() if prefix in k[:9]}
    needed = None
    if part == 'all' and is_spike2former(converted):
        needed = _read(config or _SPIKE2FORMER)
        needed.merge_from_dict(spike2former_options(converted, D))
    if config is not None or needed is not None:
        cfg = _read(config) if needed is None and config is not None else needed
        _hold_against(converted, cfg, part, source)
    return converted, needed


def _read(config: str) -> Config:
    try:
        return Config.fromfile(str(resolve_config(config)))
    except (FileNotFoundError, ValueError) as exc:
        raise UserError(str(exc)) from exc


def _hold_against(state: Mapping[str, Tensor], cfg: Config, part: str, source: Path) -> None:
    """Sees that the model of a config takes a state dict, without loading anything."""
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
        f'{len(keys)} {what}: {some_of(keys)}'
        for what, keys in (('missing', missing), ('unexpected', unexpected), ('misfits', shapes))
        if keys
    ]
    if complaints:
        raise UserError(
            f"'{source}' does not fit the model of '{cfg.filename}': {'; '.join(complaints)}"
        )
