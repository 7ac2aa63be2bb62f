"""Conversion of whole state dicts, strictly: every key is converted, dropped by name, or told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from .detection import retina_head_key, roi_head_key, rpn_head_key
from .fpn import fpn_head_key, fpn_neck_key
from .sdt import backbone_key
from .spike2former import spike2former_head_key


def decode_head_key(key: str) -> str | None:
    """Key of a Semantic-FPN or a Spike2Former head; None where unknown."""
    return fpn_head_key(key) or spike2former_head_key(key)


#: Part of a segmentor or detector -> converter of the keys below it.
_PARTS: dict[str, Callable[[str], str | None]] = {
    'backbone': backbone_key,
    'neck': fpn_neck_key,
    'decode_head': decode_head_key,
    'rpn_head': rpn_head_key,
    'roi_head': roi_head_key,
    'bbox_head': retina_head_key,
}
#: Official classifiers on the backbone -> ours.
_CLASSIFIERS = {'head.': 'head.fc.', 'head_kd.': 'head.fc_kd.'}


@dataclass
class ConversionReport:
    """What became of a state dict.

    Attributes:
        state_dict: converted tensors, by our keys.
        names: official key -> our key, of the converted ones.
        unexpected: official keys that no rule knows.
    """

    state_dict: dict[str, Tensor] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)


def read_state_dict(checkpoint: Mapping[str, Any]) -> dict[str, Tensor]:
    """Finds the state dict in a checkpoint and strips what wrappers put in front of the keys.

    Args:
        checkpoint: a loaded file: ``{'state_dict': ...}``, ``{'model': ...}`` or bare keys.

    Returns:
        The state dict, without ``module.``.
    """
    for name in ('state_dict', 'model', 'module'):
        inner = checkpoint.get(name)
        if isinstance(inner, Mapping):
            checkpoint = inner
            break
    tensors = {k: v for k, v in checkpoint.items() if isinstance(v, Tensor)}
    if not tensors:
        raise ValueError(f'no tensors in the checkpoint; its keys are {list(checkpoint)[:5]}')
    if all(k.startswith('module.') for k in tensors):
        tensors = {k.removeprefix('module.'): v for k, v in tensors.items()}
    return tensors


def is_official(state_dict: Mapping[str, Tensor]) -> bool:
    """Whether the keys are those of an official Spike-driven Transformer."""
    return any(k.endswith('downsample1_1.encode_conv.weight') for k in state_dict)


def convert_key(key: str) -> str | None:
    """Converts one official key; None where no rule knows it.

    Keys of a whole segmentor or detector keep their part (``backbone.``, ``neck.``, ``roi_head.``
    and so on); bare backbone keys get ``backbone.`` in front.
    """
    part, _, rest = key.partition('.')
    if part in _PARTS:
        new = _PARTS[part](rest)
        return None if new is None else f'{part}.{new}'
    for official, ours in _CLASSIFIERS.items():
        if key.startswith(official):
            return ours + key.removeprefix(official)
    new = backbone_key(key)
    return None if new is None else f'backbone.{new}'


def convert_tensor(value: Tensor) -> Tensor:
    """Adapts a tensor: our 1x1 convolutions are on maps, the official ones of tokens on lines."""
    return value.unsqueeze(-1) if value.dim() == 3 else value


def convert_state_dict(
    state_dict: Mapping[str, Tensor],
    rename: Callable[[str], str | None] = convert_key,
) -> ConversionReport:
    """Converts an official state dict.

    Args:
        state_dict: official keys and tensors.
        rename: converter of a key; the default takes whole models and bare backbones.

    Returns:
        The report. Nothing is dropped in silence: what no rule knows is in ``unexpected``.
    """
    report = ConversionReport()
    for key, value in state_dict.items():
        new = rename(key)
        if new is None:
            report.unexpected.append(key)
        else:
            report.names[key] = new
            report.state_dict[new] = convert_tensor(value)
    return report
