"""What an inferencer takes from a config: model, test pipeline and names of the classes."""

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

from spikedense.checks.config import open_config
from spikedense.checks.config_options import apply_options
from spikedense.checks.model import classifier
from spikedense.errors import UserError
from spikedense.utils.class_names import class_name
from spikedense.utils.wording import some_of
from spikedense.visualization.visualizer import set_visualizer

_LOADS_ANNOTATIONS = re.compile(r'Load\w*Annotations?')
_PALETTE_SEED = 42


def read_config(model: str | Path | Config, cfg_options: Mapping[str, Any] | None = None) -> Config:
    """Read the config of a model, for inference.

    Args:
        model: Path of a config, name of a shipped one, or a config, which is copied.
        cfg_options: Dotted keys and the values that replace those of the config.

    Returns:
        A config with a test pipeline that needs no annotations, and with the visualizer of its
        library.

    Raises:
        UserError: The config cannot be read, or has no test pipeline that reads an image.
    """
    if isinstance(model, Config):
        cfg = copy.deepcopy(model)
        if cfg_options:
            apply_options(cfg, cfg_options)
    else:
        cfg = open_config(str(model), cfg_options)
    if 'model' not in cfg or cfg.get('test_dataloader') is None:
        name = f"'{cfg.filename}'" if cfg.filename else 'the config'
        raise UserError(f'{name} has no model or no test_dataloader, expected both')
    dataset = _innermost(cfg.test_dataloader.dataset)
    dataset.pipeline = _without_annotations(dataset.get('pipeline') or [])
    cfg.test_dataloader.dataset = dataset
    set_visualizer(cfg)
    # The pictures are read back from the visualizer. A backend would warn that it has no folder.
    cfg.visualizer.pop('vis_backends', None)
    return cfg


def _innermost(dataset: ConfigDict) -> ConfigDict:
    """Return the data set inside of wrappers.

    Of several data sets it is the first one, from which mmengine takes the classes too.
    """
    while True:
        if 'dataset' in dataset:
            dataset = dataset.dataset
        elif dataset.get('datasets'):
            dataset = dataset.datasets[0]
        else:
            return dataset


def _without_annotations(pipeline: list[dict]) -> list[dict]:
    steps = [step for step in pipeline if not _LOADS_ANNOTATIONS.fullmatch(class_name(step))]
    loaders = [step for step in steps if class_name(step) == 'LoadImageFromFile']
    if not loaders:
        names = ', '.join(class_name(step) for step in steps) or 'empty'
        raise UserError(f'the test pipeline is {names}; expected a LoadImageFromFile in it')
    for step in loaders:
        step['type'] = 'LoadImageFromFile'  # mmseg looks for this name without a scope
    return steps


def dataset_meta(cfg: Config, checkpoint: Mapping[str, Any], model: nn.Module) -> dict[str, Any]:
    """Return the names and colours of the classes of a checkpoint.

    Args:
        cfg: The config. Its test set names the classes if the checkpoint does not, as a converted
            checkpoint.
        checkpoint: What a checkpoint file holds.
        model: The model, whose labels are indices of the classes.

    Returns:
        ``classes``, ``palette`` with a colour for each class, and the further metadata of the
        data set.

    Raises:
        UserError: There are no names, or the number of names is not that of the model's classes.
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
    # With fewer names a label has no name; with more names they belong to other classes.
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
    """Return a device that works on this machine.

    Args:
        device: ``cpu``, ``cuda``, ``cuda:1``...; None means the GPU if there is one, else the CPU.

    Returns:
        Name of the device.

    Raises:
        UserError: torch does not know the device, or cannot use it on this machine.
    """
    if device is None:
        return 'cuda' if torch.cuda.is_available() else 'cpu'
    try:
        torch.empty(1, device=device)
    except (AssertionError, NotImplementedError, RuntimeError) as exc:
        gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
        expected = f'cpu, or cuda:N with N below {gpus}' if gpus else 'cpu, because there is no GPU'
        raise UserError(f"the device '{device}' cannot be used, expected {expected}") from exc
    return str(device)
