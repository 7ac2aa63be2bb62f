"""Models of shipped configs, with options."""

from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from torch import nn

from spikedense.utils.config_path import config_root, list_configs


def build(name: str, **options: object) -> nn.Module:
    """Build the model of a shipped config.

    Args:
        name: File name of the config, without suffix.
        **options: Dotted keys and values.
    """
    (path,) = [n for n in list_configs() if n.endswith(f'{name}.py')]
    cfg = Config.fromfile(config_root() / path)
    cfg.merge_from_dict(options)
    init_default_scope(cfg.default_scope)
    return MODELS.build(cfg.model)
