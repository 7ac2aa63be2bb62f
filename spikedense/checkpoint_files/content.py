"""The content of a checkpoint: texts that would run are left out, log buffers are turned back."""

from typing import Any

from spikedense.utils.config_text import is_plain_config
from spikedense.utils.warning_line import warn

from .plain import log_buffer

#: Texts of a config in the ``meta`` of a checkpoint. mmengine runs both.
_CONFIGS = ('cfg', 'config')


def checked_content(content: Any, source: str) -> Any:
    """Leave out the configs that are programs, and turn log buffers back.

    Args:
        content: Content of a checkpoint. It is changed in place.
        source: Path or address of the file, for a warning.

    Returns:
        The content.
    """
    if not isinstance(content, dict):
        return content
    meta = content.get('meta')
    if isinstance(meta, dict):
        for key in _CONFIGS:
            text = meta.get(key)
            if text is not None and not (isinstance(text, str) and is_plain_config(text)):
                del meta[key]
                warn(f"'{source}': meta.{key} holds more than plain values, and is left out")
    hub = content.get('message_hub')
    if isinstance(hub, dict) and isinstance(hub.get('log_scalars'), dict):
        hub['log_scalars'] = {name: log_buffer(log) for name, log in hub['log_scalars'].items()}
    return content
