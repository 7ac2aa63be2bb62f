"""Small random models on the demo set, saved as checkpoints, for the inferencers."""

import os
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from contract import wake
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, DefaultScope
from reduced_models import build_model, reduced_config
from torch import nn

from spikedense.datasets.demo_generator import ensure_demo

SIZE = (64, 96)
IMAGES = dict(seed=0, size=SIZE, num_train=1, num_val=6)
SEGMENTER = 'sdt_v3/fpn_sdtv3-demo_1xb8-300i_demo-128x128.py'
DETECTOR = 'spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-panoptic-128x128.py'
NAMES = [f'val_{index:05d}' for index in range(IMAGES['num_val'])]

#: A config and the path of a checkpoint.
Model = tuple[Config, str]


def make_model(config: Path, folder: Path, with_names: bool) -> Model:
    """Write a demo set and a checkpoint.

    Args:
        config: a config of the demo set.
        folder: takes both.
        with_names: whether the checkpoint knows its classes, as one of a run does.

    Returns:
        The config, at reduced size and on the demo set, and the path of the checkpoint.
    """
    demo = folder / 'demo'
    ensure_demo(demo, **IMAGES)
    with patch.dict(os.environ, DEMO_ROOT=str(demo)):
        cfg = reduced_config(str(config))
    cfg.test_dataloader.dataset.generator = dict(IMAGES)
    torch.manual_seed(0)
    model = wake(build_model(cfg), torch.randn(2, 3, *SIZE))
    if hasattr(model, 'panoptic_head'):
        # Masks of both signs, none of them dropped.
        nn.init.normal_(model.panoptic_head.pixel_decoder.mask_conv.conv.weight)
        cfg.model.test_cfg.update(object_mask_thr=0.0, iou_thr=0.0, max_per_image=20)
    checkpoint: dict[str, Any] = {'state_dict': model.state_dict()}
    if with_names:
        with DefaultScope.overwrite_default_scope(cfg.default_scope):
            dataset = DATASETS.build(dict(cfg.test_dataloader.dataset, lazy_init=True))
        checkpoint['meta'] = {'dataset_meta': dataset.metainfo}
    path = folder / 'weights.pth'
    torch.save(checkpoint, path)
    DefaultScope._instance_dict.clear()
    return cfg, str(path)


def predictions_in_a_test(cfg: Config, weights: str) -> list[Any]:
    """What a test of the config predicts: its whole test set, through its own pipeline.

    Args:
        cfg: the config.
        weights: the checkpoint.

    Returns:
        Data samples, in the order of the data set.
    """
    model = build_model(cfg).eval()
    model.load_state_dict(torch.load(weights, weights_only=True)['state_dict'])
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    with torch.no_grad():
        return [model.test_step(pseudo_collate([sample]))[0] for sample in dataset]
