"""Helpers that know no model. Importing this package imports neither torch nor mm libraries."""

from .config_path import config_root, resolve_config
from .ops_guard import OPS_COMMAND, has_mmcv_ops, require_mmcv_ops

__all__ = ['OPS_COMMAND', 'config_root', 'has_mmcv_ops', 'require_mmcv_ops', 'resolve_config']
