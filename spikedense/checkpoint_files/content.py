"""The content of a checkpoint: configs go where nothing runs them, log buffers are turned back."""

from typing import Any

from .plain import log_buffer

#: Texts of a config in the ``meta`` of a checkpoint, and the keys that they get.
_TEXTS = {'cfg': 'cfg_text', 'config': 'config_text'}


def checked_content(content: Any, trusted: bool = False) -> Any:
    """Move the texts of configs, and turn log buffers back.

    mmengine builds what such a text names, and a text without any statement but plain values can
    name any function: ``model = dict(type='os.system', command=...)``. So mmengine must not find
    the texts where it looks for them.

    Args:
        content: Content of a checkpoint. It is changed in place.
        trusted: Whether the texts also stay where they are.

    Returns:
        The content. Its ``meta`` has the texts as ``cfg_text`` and ``config_text``.
    """
    if not isinstance(content, dict):
        return content
    meta = content.get('meta')
    if isinstance(meta, dict):
        for key, name in _TEXTS.items():
            text = meta.get(key) if trusted else meta.pop(key, None)
            if isinstance(text, str):
                meta[name] = text
    hub = content.get('message_hub')
    if isinstance(hub, dict) and isinstance(hub.get('runtime_info'), dict) and not trusted:
        hub['runtime_info'].pop('cfg', None)
    if isinstance(hub, dict) and isinstance(hub.get('log_scalars'), dict):
        hub['log_scalars'] = {name: log_buffer(log) for name, log in hub['log_scalars'].items()}
    return content
