"""Conversion of official checkpoint files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from torch import Tensor

from spikedense.checks.config import open_config
from spikedense.checks.model import build_model
from spikedense.converters import (
    is_spike2former,
    known_families,
    spike2former_head,
    spike2former_options,
)
from spikedense.errors import UserError
from spikedense.utils.files import sha256_of
from spikedense.utils.wording import some_of
from spikedense.weights import (
    CONVERTED_FROM,
    check,
    convert_official,
    read_checkpoint,
    read_state_dict,
)

#: Config of a Spike2Former checkpoint if the user gives none, by the name of the head.
_SPIKE2FORMER = {
    'decode_head': 'spike2former/spike2former_sdtv2-15m_8xb6-160k_ade20k-512x512.py',
    'panoptic_head': (
        'spike2former/spike2former_sdtv2-15m_8xb3-368750i_coco-panoptic-1024x1024.py'
    ),
}


@dataclass(frozen=True)
class Converted:
    """A converted checkpoint.

    Attributes:
        state_dict: The tensors by our keys.
        meta: The origin: name and sha256 of the official file, and the family of its keys.
        dropped: Official keys that are left out.
        config: The config that a whole Spike2Former needs; None for all others.
    """

    state_dict: dict[str, Tensor]
    meta: dict[str, Any]
    dropped: list[str]
    config: Config | None


def convert_file(
    source: Path, part: str = 'all', config: str | None = None, D: int = 4
) -> Converted:
    """Convert an official checkpoint of a known family, strictly.

    Args:
        source: The file.
        part: ``'all'``, or ``'backbone'`` for the backbone alone, without its prefix.
        config: A config. The result must fit the model of the config (or the backbone, with
            ``part='backbone'``) key by key. ``custom_imports`` in the config may register further
            families. A whole Spike2Former has a config by default.
        D: Largest integer of a Spike2Former's neurons, which no file records.

    Returns:
        The tensors, where they come from, and the config that they need.

    Raises:
        UserError: The file is missing, cannot be read or has no official keys, a key is unknown, or
            the model of the config does not take the result.
    """
    if not source.is_file():
        raise UserError(f"there is no checkpoint '{source}'")
    # Before the conversion: the config may register a family.
    needs = 'backbone' if part == 'backbone' else 'model'
    cfg = None if config is None else open_config(config, part=needs)
    state = read_state_dict(read_checkpoint(source))
    report = convert_official(state, str(source), part)
    if report is None:
        names = ', '.join(family.name for family in known_families())
        raise UserError(
            f"'{source}' has no official keys (found {some_of(state)}), expected those of a known "
            f'family ({names})'
        )
    converted = report.state_dict
    needed = None
    head = spike2former_head(converted)
    if part == 'all' and head is not None:
        cfg = needed = cfg or open_config(_SPIKE2FORMER[head])
        if is_spike2former(cfg, head):
            cfg.merge_from_dict(spike2former_options(converted, head, D))
    if cfg is not None:
        model = build_model(cfg, needs)
        name = f"the model of '{cfg.filename}'"
        check(model, converted, str(source), every_part=True, name=name)
    origin = dict(file=source.name, sha256=sha256_of(source), family=', '.join(report.families))
    return Converted(converted, {CONVERTED_FROM: origin}, report.dropped, needed)
