"""Recipes of classifiers in miniature: augmentations, schedule, averages, distillation, a test."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from config_groups import reduced_config_of
from mmengine.config import Config
from PIL import Image
from torch import nn

from spikedense.engine import GuardedRunner
from spikedense.models.classifiers import HardDistillation
from spikedense.utils.class_names import class_name

#: One config of each kind of recipe, and what only it has. That of SDT-V2 has LAMB, too.
RECIPES = {
    'sdt_v2/classifier-kd_sdtv2-31m-lif-t4_8xb24-50e_imagenet-224x224.py': 'teacher',
    'sdt_v3/classifier-mae_sdtv3-83m_8xb128-150e_imagenet-224x224.py': 'EMAHook',
    'spikeatconv/classifier_spikeatconv-tiny_8xb96-200e_imagenet-224x224.py': 'AutoAugment',
    'spikeatconv/classifier_resnet18-sl_1xb256-200e_cifar100-32x32.py': 'Shear',
    'spikeatconv/classifier_resnet18-narrow-sl_1xb64-1200i_camvid-patches-32x32.py': 'max_iters',
}
SIDE = 32


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four images of noise, two of each class."""
    root = tmp_path_factory.mktemp('images')
    for i in range(4):
        folder = root / 'ab'[i % 2]
        folder.mkdir(exist_ok=True)
        noise = np.random.default_rng(i).integers(256, size=(SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f'{i}.png')
    return root


def miniature(name: str, images: Path, work_dir: Path) -> Config:
    """The config with a small model, small images and two iterations; all else stays as it is."""
    cfg = reduced_config_of(name)
    cfg.model.head.num_classes = cfg.model.data_preprocessor.num_classes = 2
    cfg.optim_wrapper.type = 'OptimWrapper'  # AmpOptimWrapper exists on a GPU only
    for part in ('train', 'val', 'test'):
        loader = cfg[f'{part}_dataloader']
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        steps = loader.dataset.pipeline
        for step in steps:
            for key in ('scale', 'crop_size'):
                if key in step and not isinstance(step[key], list | tuple):
                    step[key] = SIDE
        if class_name(steps[0]) != 'LoadImageFromFile':  # the files of CIFAR hold the pixels
            steps.insert(0, dict(type='LoadImageFromFile'))
        loader.dataset = dict(
            type='CustomDataset',
            data_root=str(images),
            metainfo=dict(classes=['a', 'b']),
            pipeline=steps,
        )
    length = dict(max_epochs=1) if 'max_epochs' in cfg.train_cfg else dict(max_iters=2)
    cfg.train_cfg.update(val_interval=10**6, **length)
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        evaluator.topk = (1,)
    if '-mae_' in name:  # beside layer decay and averaged weights
        cfg.model.backbone.with_cp = True
    cfg.update(work_dir=str(work_dir), experiment_name=Path(name).stem)
    return cfg


@pytest.mark.parametrize('name', RECIPES)
def test_recipe_trains_and_is_tested(
    name: str, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cfg = miniature(name, images, tmp_path)
    assert RECIPES[name] in str(cfg), 'the miniature has lost it'
    teacher = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    monkeypatch.setattr(HardDistillation, 'teacher', lambda self: teacher)
    runner = GuardedRunner.from_cfg(cfg)
    before = {key: value.clone() for key, value in runner.model.state_dict().items()}
    model: Any = runner.train()
    assert runner.iter == 2
    after = model.state_dict()
    assert all(torch.isfinite(value).all() for value in after.values())
    assert not torch.equal(before['head.fc.weight'], after['head.fc.weight'])
    assert 0 <= runner.test()['accuracy/top1'] <= 100
    rates = {group['lr'] for group in runner.optim_wrapper.param_groups}
    assert (len(rates) > 1) == ('-mae_' in name), 'layer decay'
