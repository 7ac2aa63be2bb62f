"""Names of classes in configs."""

from collections.abc import Mapping
from typing import Any


def class_name(cfg: Mapping[str, Any]) -> str:
    """Return the name of the class that a part of a config is built of, without its scope.

    Args:
        cfg: A part of a config. Its ``type`` is a name, with or without a scope
            (``mmseg.IoUMetric``), or a class.

    Returns:
        The bare name (``IoUMetric``); an empty string if there is no ``type``.
    """
    kind = cfg.get('type', '')
    return kind.rpartition('.')[2] if isinstance(kind, str) else kind.__name__
