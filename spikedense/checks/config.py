"""A config that can be used: it can be read, its libraries are installed, its options fit."""

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from spikedense.errors import UserError
from spikedense.utils.config_path import resolve_config
from spikedense.utils.config_reader import read_config

from .class_lists import check_configured_lists
from .config_options import apply_options

LIBRARIES = ('mmseg', 'mmdet', 'mmpretrain')


def open_config(config: str, cfg_options: Mapping[str, Any] | None = None) -> Config:
    """Read a config, check that what it needs is installed, and merge options into it.

    Args:
        config: Path of a config, or the name of a shipped one.
        cfg_options: Dotted keys and the values that replace those of the config.

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
    try:
        cfg = read_config(path)
    except (KeyError, TypeError, ValueError, AttributeError, NameError, AssertionError) as exc:
        raise UserError(f"the config '{path}' cannot be read: {exc.args[0]}") from exc
    if 'model' not in cfg:
        raise UserError(f"'{config}' has no model: is it a config?")
    if cfg_options:
        apply_options(cfg, cfg_options)
    check_configured_lists(cfg)
    return cfg


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
