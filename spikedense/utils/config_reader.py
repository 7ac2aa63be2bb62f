"""Read configs whose ``_base_`` names a shipped config: ``'spikedense::sdt_v3/NAME.py'``."""

import warnings
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE

from .config_imports import import_modules
from .config_path import SCOPE

# mmengine accepts `package::` for the packages of this table. It finds the files below the
# package's folder `.mim`: copies in a wheel, links in a checkout.
MODULE2PACKAGE.setdefault(SCOPE, SCOPE)


def read_config(path: str | Path) -> Config:
    """Read a config file.

    mmengine marks what comes from ``package::`` with the package's name as its registry scope. The
    shipped configs keep the scope of mmseg, mmdet or mmpretrain, so this mark is removed.

    Args:
        path: The file.

    Returns:
        The config.

    Raises:
        UserError: A module of ``custom_imports`` cannot be imported.
    """
    with warnings.catch_warnings():
        # The metafiles of this package have no paths: a config has the name of its entry.
        warnings.filterwarnings('ignore', message='There is not `Config` define')
        cfg = Config.fromfile(path, import_custom_modules=False)
    import_modules(cfg.get('custom_imports'), path)
    _remove_scope(cfg._cfg_dict)
    return cfg


def _remove_scope(node: Any) -> None:
    if isinstance(node, dict):
        if node.get('_scope_') == SCOPE:
            del node['_scope_']
        for value in node.values():
            _remove_scope(value)
    elif isinstance(node, (list, tuple)):
        for value in node:
            _remove_scope(value)
