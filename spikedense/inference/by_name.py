"""A model by the name of its metafile, with the weights that are at hand for the name."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from torch import nn

from spikedense.checks.checkpoint import checkpoint_for
from spikedense.checks.config import library_of, open_config
from spikedense.checks.model import build_model
from spikedense.checks.widths import check_widths
from spikedense.deploy import as_saved
from spikedense.utils.model_names import known_model
from spikedense.weights import load, read_checkpoint, read_state_dict

from .config import dataset_meta, read_config, usable_device
from .model import warn_of_settings, with_our_keys


def get_model(
    name: str,
    pretrained: bool | str | Path = False,
    device: str | torch.device | None = None,
    cfg_options: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Build a model by its name, as ``mmpretrain.get_model`` does for the models of mmpretrain.

    Args:
        name: Name in a metafile, which is that of the config, with or without ``spikedense/``.
        pretrained: Which weights: False for random ones; True for those that ship with the package,
            else those in the folder ``weights`` (or ``$SPIKEDENSE_WEIGHTS``); or the path or
            address of a checkpoint. Official keys are converted.
        device: ``cpu``, ``cuda``, ``cuda:1``...; None leaves the model on the CPU.
        cfg_options: Dotted keys and the values that replace those of the config.

    Returns:
        The model in eval mode. It has the attributes that the functions of its library need:
        ``cfg`` and ``dataset_meta`` (mmseg, mmdet), ``_config`` and ``_dataset_meta`` (mmpretrain).

    Raises:
        UserError: There is no such model, there are no weights or several for the name, the weights
            do not fit, or the device cannot be used.
    """
    name = known_model(name)
    cfg = open_config(f'spikedense::{name}', cfg_options)
    checkpoint = None
    if pretrained is not False:
        path = checkpoint_for(name, None if pretrained is True else pretrained)
        checkpoint = with_our_keys(read_checkpoint(path), cfg)
    if 'data_preprocessor' in cfg:
        # The runner does the same.
        cfg.model.setdefault('data_preprocessor', cfg.data_preprocessor)
    model: Any = build_model(cfg)
    check_widths(model)
    if checkpoint is not None:
        model = as_saved(model, checkpoint)
        load(model, read_state_dict(checkpoint), checkpoint.source)
        warn_of_settings(model, checkpoint)
    _describe(model, cfg, checkpoint or {})
    return model.to('cpu' if device is None else usable_device(device)).eval()


def _describe(model: Any, cfg: Config, checkpoint: Mapping[str, Any]) -> None:
    """Give a model the attributes that the functions of its library read."""
    if library_of(cfg) != 'mmpretrain':
        model.cfg = cfg
        model.dataset_meta = dataset_meta(read_config(cfg), checkpoint, model)
        return
    model._config, model._metainfo = cfg, None
    meta = (checkpoint.get('meta') or {}).get('dataset_meta')
    if not meta and cfg.get('test_dataloader'):
        from mmpretrain.registry import DATASETS

        meta = getattr(DATASETS.get(cfg.test_dataloader.dataset.type), 'METAINFO', None)
    model._dataset_meta = meta or {}
