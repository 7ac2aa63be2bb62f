"""Names of classes in configs."""

from collections.abc import Mapping
from typing import Any


def class_name(cfg: Mapping[str, Any]) -> str:
    """Return the name of the class that a part of a config is built of, without its scope.

    Args:
        cfg: A part of a config. Its ``type`` is a name, with or without a scope
            (``mmseg.IoUMetric``), or a class.

    Returns:
        The bare name (``IoUMetric``); an empty string if there is no ``type``, or
        one that is neither a name nor a class.
    """
    kind = cfg.get('type') or ''
    return kind.rpartition('.')[2] if isinstance(kind, str) else getattr(kind, '__name__', '')


def own_name(kind: object) -> str:
    """Return the name under which this package registers the class that a ``type`` names.

    Args:
        kind: The ``type``: a name, with or without the scope ``spikedense.`` or the module
            (``spikedense.neurons.NILIF``). A name of another scope is returned unchanged.
    """
    name = str(kind)
    return name.rpartition('.')[2] if name.startswith('spikedense.') else name
