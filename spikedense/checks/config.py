"""A config that can be used: it can be read, its libraries are installed, its options fit."""

from collections.abc import Mapping
from traceback import walk_tb
from typing import Any

from mmengine.config import Config
from mmengine.config.utils import ConfigParsingError

from spikedense.errors import UserError
from spikedense.utils.config_imports import import_modules
from spikedense.utils.config_path import resolve_config
from spikedense.utils.config_reader import read_config

from .class_lists import check_configured_lists
from .config_keys import check_keys
from .config_options import apply_options
from .config_values import check_values, sections

#: How mmengine's message about configs of two styles begins.
_MIXED = 'The configuration file type in the inheritance chain'
LIBRARIES = ('mmseg', 'mmdet', 'mmpretrain')


def open_config(
    config: str, cfg_options: Mapping[str, Any] | None = None, part: str = 'model'
) -> Config:
    """Read a config, check that what it needs is installed, and merge options into it.

    Args:
        config: Path of a config, or the name of a shipped one.
        cfg_options: Dotted keys and the values that replace those of the config.
        part: What is built: ``'model'``, or the name of a part, as ``'backbone'``. A config for a
            part alone needs no type of the whole model.

    Returns:
        The config. It has a ``model``.

    Raises:
        UserError: The config does not exist, cannot be read or has no model, an option does not
            fit, or the classes of a data set are no list.
    """
    try:
        path = str(resolve_config(config))
    except (FileNotFoundError, ValueError) as exc:
        raise UserError(str(exc)) from exc
    cfg = _read(path)
    if 'model' not in cfg:
        raise UserError(f"'{config}' has no model: is it a config?")
    if cfg_options:
        apply_options(cfg, cfg_options)
        if any(key.removeprefix('+').startswith('custom_imports') for key in cfg_options):
            import_modules(cfg.custom_imports, path)
    needed = 'type' if part == 'model' else part
    if not isinstance(cfg.model, Mapping) or needed not in cfg.model:
        raise UserError(f"'{config}': model={cfg.model!r}, expected a dict with a '{needed}'")
    check_values(cfg)
    check_keys(cfg)
    check_configured_lists(cfg)
    return cfg


def _read(path: str) -> Config:
    """Read a config file; any error of its code is one of the user."""
    try:
        cfg = read_config(path)
        # In a config of the pure Python style, going through it imports the classes.
        for _ in sections(cfg):
            pass
    except (UserError, OSError, SyntaxError):
        raise
    except Exception as exc:
        if _MIXED in str(exc):
            raise UserError(_mixed_styles(path, exc)) from exc
        if isinstance(exc, ConfigParsingError):
            raise
        reason = exc.args[0] if exc.args else type(exc).__name__
        raise UserError(f"the config '{path}' cannot be read: {reason}") from exc
    return cfg


def _mixed_styles(path: str, exc: Exception) -> str:
    """Write the message about a config and a base config of different styles."""
    # mmengine names the base in one of two cases only; the innermost frame knows it in both.
    files = [
        str(frame.f_locals['filename'])
        for frame, _ in walk_tb(exc.__traceback__)
        if 'filename' in frame.f_locals
    ]
    base = files[-1] if files else path
    styles = ['names its base by _base_', 'uses read_base() or imports classes']
    if 'syntax like `_base_' in str(exc):
        styles.reverse()
    return (
        f"the config '{path}' {styles[0]}, but its base '{base}' {styles[1]}; expected one style "
        'in all files: _base_ = [...] and names of classes, or read_base() and imports'
    )


def library_of(cfg: Config) -> str:
    """Return the library whose conventions a config follows.

    Args:
        cfg: The config.

    Returns:
        The ``default_scope`` of the config: ``mmseg``, ``mmdet`` or ``mmpretrain``.

    Raises:
        UserError: The ``default_scope`` is another one.
    """
    scope = cfg.get('default_scope')
    if scope not in LIBRARIES:
        raise UserError(
            f'default_scope={scope!r} in the config; expected one of {", ".join(LIBRARIES)}'
        )
    return scope
