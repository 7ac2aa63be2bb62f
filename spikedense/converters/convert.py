"""Conversion of official state dicts: each key is converted, dropped or reported as unexpected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from torch import Tensor

from .detection import DETECTION
from .family import Family
from .resnet import MS_RESNET, SEW_RESNET
from .sdt import SDT_BACKBONE
from .sdtv3_large import SDT_LARGE_BACKBONE, SDT_MAE_DECODER
from .semantic_fpn import SEMANTIC_FPN
from .spike2former import SPIKE2FORMER
from .spikingresformer import SPIKINGRESFORMER
from .transformers import MAXFORMER, MSQKFORMER, QKFORMER, SDTV1, SPIKFORMER, SPIKINGFORMER

#: Prefix of the backbone, in our keys and in the official ones of a whole model.
BACKBONE = 'backbone.'

#: The known families; their rules are tried in this order.
_FAMILIES = [
    SDT_BACKBONE,
    SEMANTIC_FPN,
    SPIKE2FORMER,
    DETECTION,
    SPIKFORMER,
    QKFORMER,
    SEW_RESNET,
    MS_RESNET,
    SDT_LARGE_BACKBONE,
    SDT_MAE_DECODER,
    SPIKINGRESFORMER,
    SDTV1,
    SPIKINGFORMER,
    MAXFORMER,
    MSQKFORMER,
]


@dataclass
class ConversionReport:
    """The result of a conversion.

    Attributes:
        state_dict: The converted tensors, by the keys of this package.
        names: Official key -> key of this package, for the converted tensors.
        dropped: Official keys that are left out: those of weights that the official code never
            computes with, and in a conversion of the backbone alone those of all other parts.
        unexpected: Official keys that no family knows.
        families: Names of the families that recognise the state dict.
    """

    state_dict: dict[str, Tensor] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    families: list[str] = field(default_factory=list)


def register_family(family: Family) -> Family:
    """Make a family known to the converter, to ``init_cfg`` and to the hints in messages.

    Args:
        family: The family. Its rules are tried before those of the families known so far.

    Returns:
        The same family.

    Raises:
        ValueError: A family of this name is registered.
    """
    if any(known.name == family.name for known in _FAMILIES):
        raise ValueError(f'the converter family {family.name!r} is registered already')
    # In front, because rules of the other families may match the new keys by chance.
    _FAMILIES.insert(0, family)
    return family


def known_families() -> tuple[Family, ...]:
    """Return all registered families."""
    return tuple(_FAMILIES)


def recognised_families(state_dict: Mapping[str, Tensor]) -> list[Family]:
    """Return the families whose official keys a state dict has.

    Args:
        state_dict: Any state dict, without ``module.`` in front of its keys.

    Returns:
        The families; none for a checkpoint of this package or of another library.
    """
    return [family for family in _FAMILIES if family.recognises(state_dict)]


def convert_state_dict(
    state_dict: Mapping[str, Tensor],
    families: Sequence[Family] | None = None,
    part: str = 'all',
) -> ConversionReport:
    """Convert an official state dict.

    Args:
        state_dict: Official keys and tensors of a whole model, or of a bare backbone.
        families: Families whose rules are tried for each key, in order. By default all known
            families, those that recognise the state dict first.
        part: ``'all'``, or ``'backbone'`` for the backbone alone: the new keys have no prefix, and
            the keys of heads and necks are dropped.

    Returns:
        The report. It lists every key that no family knows in ``unexpected``.
    """
    found = recognised_families(state_dict) if families is None else list(families)
    if families is None:
        families = [*found, *(family for family in _FAMILIES if family not in found)]
    report = ConversionReport(families=[family.name for family in found])
    # The other parts of a whole model may be of a library, and then no family knows their keys.
    in_whole = part == 'backbone' and any(key.startswith(BACKBONE) for key in state_dict)
    for key, value in state_dict.items():
        if in_whole and not key.startswith(BACKBONE):
            report.dropped.append(key)
            continue
        family = next((one for one in families if one.drops(key) or one.convert_key(key)), None)
        if family is None:
            report.unexpected.append(key)
        elif family.drops(key):
            report.dropped.append(key)
        else:
            new = cast(str, family.convert_key(key))
            if part == 'backbone':
                if not new.startswith(BACKBONE):
                    report.dropped.append(key)
                    continue
                new = new.removeprefix(BACKBONE)
            report.names[key] = new
            report.state_dict[new] = value if family.is_head(key) else family.adapt(value)
    return report
