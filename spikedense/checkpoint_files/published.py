"""The facts beside the weights of a published file: safetensors keeps strings alone."""

import json
from collections.abc import Mapping
from typing import Any

from torch import Tensor

#: Facts that are texts; the others are written as JSON.
_TEXTS = ('cfg', 'config_name', 'format', 'spikedense_version')
_VERSIONS = 'module_versions'


def to_strings(meta: Mapping[str, Any], state: Mapping[str, Tensor]) -> dict[str, str]:
    """Write facts as strings.

    Args:
        meta: The ``meta`` of a published checkpoint.
        state: Its state dict, whose ``_metadata`` has the versions of the modules.

    Returns:
        Strings by strings.
    """
    facts = {**meta, _VERSIONS: getattr(state, '_metadata', None) or {}}
    # Other readers ask for the entry `format`.
    strings = {
        key: value if key in _TEXTS else json.dumps(value, sort_keys=True)
        for key, value in facts.items()
    }
    return {'format': 'pt', **strings}


def from_strings(strings: Mapping[str, str], state: Any) -> dict[str, Any]:
    """Read facts, and give a state dict the versions of its modules.

    Args:
        strings: The metadata of a file. A file of another program has any.
        state: The state dict; gets ``_metadata``.

    Returns:
        A checkpoint: ``state_dict`` and ``meta``.
    """
    meta = {key: text if key in _TEXTS else _value(text) for key, text in strings.items()}
    versions = meta.pop(_VERSIONS, None)
    if isinstance(versions, dict):
        state._metadata = versions
    return {'state_dict': state, 'meta': meta}


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
