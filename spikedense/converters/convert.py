"""Conversion of official state dicts: each key is converted, dropped or reported as unexpected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from torch import Tensor

from .detection import DETECTION
from .family import Family
from .resnet import MS_RESNET, RESNET_CLASSIFIER, SEW_RESNET
from .sdt import SDT_BACKBONE, SDT_CLASSIFIER
from .sdtv3_large import SDT_LARGE_BACKBONE, SDT_LARGE_CLASSIFIER, SDT_MAE_DECODER
from .semantic_fpn import SEMANTIC_FPN
from .spike2former import SPIKE2FORMER
from .spikingresformer import SPIKINGRESFORMER, SPIKINGRESFORMER_CLASSIFIER
from .transformers import MAXFORMER, MSQKFORMER, QKFORMER, SDTV1, SPIKFORMER, SPIKINGFORMER

#: The known families; their rules are tried in this order.
_FAMILIES = [
    SDT_BACKBONE,
    SDT_CLASSIFIER,
    SEMANTIC_FPN,
    SPIKE2FORMER,
    DETECTION,
    SPIKFORMER,
    QKFORMER,
    SEW_RESNET,
    MS_RESNET,
    RESNET_CLASSIFIER,
    SDT_LARGE_BACKBONE,
    SDT_LARGE_CLASSIFIER,
    SDT_MAE_DECODER,
    SPIKINGRESFORMER,
    SPIKINGRESFORMER_CLASSIFIER,
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
        dropped: Official keys of weights that the official code never computes with.
        unexpected: Official keys that no family knows.
    """

    state_dict: dict[str, Tensor] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)


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
    state_dict: Mapping[str, Tensor], families: Sequence[Family] | None = None
) -> ConversionReport:
    """Convert an official state dict.

    Args:
        state_dict: Official keys and tensors of a whole model, or of a bare backbone.
        families: Families whose rules are tried for each key, in order. By default all known
            families, those that recognise the state dict first.

    Returns:
        The report. It lists every key that no family knows in ``unexpected``.
    """
    if families is None:
        families = sorted(_FAMILIES, key=lambda family: not family.recognises(state_dict))
    report = ConversionReport()
    for key, value in state_dict.items():
        family = next((one for one in families if one.drops(key) or one.convert_key(key)), None)
        if family is None:
            report.unexpected.append(key)
        elif family.drops(key):
            report.dropped.append(key)
        else:
            new = cast(str, family.convert_key(key))
            report.names[key] = new
            report.state_dict[new] = family.adapt(value)
    return report
