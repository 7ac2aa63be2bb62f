"""Helpers that know no model. Importing this package imports neither torch nor mm libraries."""

from .config_path import config_root, resolve_config

__all__ = ['config_root', 'resolve_config']
