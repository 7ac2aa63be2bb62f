"""What an inferencer takes from a config: model, test pipeline, class names; and the device."""

import copy
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.registry import DATASETS
from torch import nn

from spikedense.engine.model_check import classifier
from spikedense.utils.wording import some_of

from . import evaluation
from .config_options import apply_options
from .errors import UserError
from .launch import load_config

_LOADS_ANNOTATIONS = re.compile(r'Load\w*Annotations?')
_PALETTE_SEED = 42


def read_config(model: str | Path | Config, cfg_options: Mapping[str, Any] | None = None) -> Config:
    """Read the config of a model, for inference.

    Args:
        model: Path of a config, name of a shipped one, or a config, which is copied.
        cfg_options: Dotted keys and the values that replace the config's.

    Returns:
        A config whose test pipeline starts from an image alone, with a visualizer of its library.

    Raises:
        UserError: The config cannot be read, or has no test pipeline that reads an image.
    """
    if isinstance(model, Config):
        cfg = copy.deepcopy(model)
        if cfg_options:
            apply_options(cfg, cfg_options)
    else:
        cfg = load_config(str(model), cfg_options, None, 'none')
    if 'model' not in cfg or cfg.get('test_dataloader') is None:
        name = f"'{cfg.filename}'" if cfg.filename else 'the config'
        raise UserError(f'{name} has no model or no test_dataloader, expected both')
    dataset = _innermost(cfg.test_dataloader.dataset)
    dataset.pipeline = _without_annotations(dataset.get('pipeline') or [])
    cfg.test_dataloader.dataset = dataset
    evaluation.set_visualizer(cfg)
    # Pictures are asked back from it; without a folder of its own it would only warn.
    cfg.visualizer.pop('vis_backends', None)
    return cfg


def _innermost(dataset: ConfigDict) -> ConfigDict:
    """The data set in wrappers, of several the first, which gives mmengine the classes too."""
    while True:
        if 'dataset' in dataset:
            dataset = dataset.dataset
        elif dataset.get('datasets'):
            dataset = dataset.datasets[0]
        else:
            return dataset


def _without_annotations(pipeline: list[dict]) -> list[dict]:
    steps = [step for step in pipeline if not _LOADS_ANNOTATIONS.fullmatch(_class_name(step))]
    loaders = [step for step in steps if _class_name(step) == 'LoadImageFromFile']
    if not loaders:
        names = ', '.join(_class_name(step) for step in steps) or 'empty'
        raise UserError(f'the test pipeline is {names}; expected a LoadImageFromFile in it')
    for step in loaders:
        step['type'] = 'LoadImageFromFile'  # mmseg looks for this name without a scope
    return steps


def _class_name(step: dict) -> str:
    kind = step['type']
    return kind.rpartition('.')[2] if isinstance(kind, str) else kind.__name__


def dataset_meta(cfg: Config, checkpoint: Mapping[str, Any], model: nn.Module) -> dict[str, Any]:
    """Names and colours of the classes that a checkpoint tells apart.

    Args:
        cfg: The config; its test set is asked where the checkpoint, a converted one, has no names.
        checkpoint: What a checkpoint file holds.
        model: The model whose labels they name.

    Returns:
        ``classes``, ``palette`` with a colour for each, and what else the data set tells.

    Raises:
        UserError: There are no names, or not one for each class of the model.
    """
    known = (checkpoint.get('meta') or {}).get('dataset_meta') or {}
    meta = {key.lower(): value for key, value in known.items()}
    source = 'checkpoint'
    if not meta.get('classes'):
        source = 'test set of the config'
        dataset = dict(cfg.test_dataloader.dataset, lazy_init=True, pipeline=[])
        meta = dict(DATASETS.build(dataset).metainfo)
    if not meta.get('classes'):
        raise UserError('neither the checkpoint nor the test set of the config names the classes')
    number = len(meta['classes'])
    head = classifier(model)
    # Fewer names have no name for some label, and more are those of another set of classes.
    if head is not None and head[1] != number:
        raise UserError(
            f'model.{head[0]} has {head[1]} classes, but the {source} names {number}: '
            f'{some_of(meta["classes"])}'
        )
    palette = meta.get('palette')
    if not isinstance(palette, (list, tuple)) or len(palette) < number:
        palette = np.random.default_rng(_PALETTE_SEED).integers(0, 256, (number, 3)).tolist()
    meta['palette'] = [tuple(colour) for colour in palette[:number]]
    return meta


def usable_device(device: str | torch.device | None) -> str:
    """A device, seen to work.

    Args:
        device: ``cpu``, ``cuda``, ``cuda:1``...; None is the GPU where there is one, else the CPU.

    Returns:
        The device.

    Raises:
        UserError: torch does not know it or cannot use it here.
    """
    if device is None:
        return 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        torch.empty(1, device=device)
    except (AssertionError, NotImplementedError, RuntimeError) as exc:
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        expected = f'cpu, or cuda:N with N below {gpus}' if gpus else 'cpu, for there is no GPU'
        raise UserError(f"the device '{device}' cannot be used, expected {expected}") from exc
    return str(device)
