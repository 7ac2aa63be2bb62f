"""The command lines, and tiny configs for them: the demo set at 64x64, four iterations."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

from mmengine.config import Config
from reduced_models import reduced_config

SIZE = (64, 64)
IMAGES = dict(seed=0, size=SIZE, num_train=16, num_val=6)
ITERATIONS = 4


def load_tool(path: Path) -> ModuleType:
    """Import a command line, which is no part of a package.

    Args:
        path: its file.
    """
    spec = importlib.util.spec_from_file_location(f'tool_{path.stem}', path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def demo_config(repo_root: Path, demo_root: Path) -> Config:
    """A spiking Semantic FPN with a few channels, from the shipped base files.

    Args:
        repo_root: the repository.
        demo_root: a demo set made with ``IMAGES``.
    """
    base = repo_root / 'configs' / '_base_'
    cfg = Config()
    for name in (
        'models/fpn_sdtv3.py',
        'datasets/demo.py',
        'schedules/schedule_160k.py',
        'default_runtime.py',
    ):
        cfg.merge_from_dict(Config.fromfile(base / name).to_dict())
    cfg.data_preprocessor.size = SIZE
    cfg.model.data_preprocessor = cfg.data_preprocessor
    cfg.model.backbone.arch = dict(embed_dims=[8, 16, 16, 16], depths=[1, 1, 1, 1, 1], num_heads=4)
    cfg.model.neck.update(in_channels=[4, 8, 16, 16], out_channels=16)
    cfg.model.decode_head.update(in_channels=[16] * 4, channels=16, num_classes=9)
    _tiny_data(cfg, demo_root)
    shorten(cfg)
    return cfg


def spike2former_config(repo_root: Path, demo_root: Path) -> Config:
    """The shipped Spike2Former of the demo set at reduced size.

    Args:
        repo_root: the repository.
        demo_root: a demo set made with ``IMAGES``.
    """
    path = 'configs/spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-128x128.py'
    cfg = reduced_config(str(repo_root / path))
    cfg.model.data_preprocessor.size = SIZE
    _tiny_data(cfg, demo_root)
    shorten(cfg)
    return cfg


def _tiny_data(cfg: Config, demo_root: Path) -> None:
    """Two images a step of the tiny demo set, read by the process itself."""
    cfg.train_dataloader.update(batch_size=2)
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[name].update(num_workers=0)
        cfg[name].dataset.update(data_root=str(demo_root), generator=dict(IMAGES))
    for step in cfg.train_dataloader.dataset.pipeline:
        if step.type == 'RandomCrop':
            step.crop_size = SIZE
        if step.type == 'RandomResize':
            step.scale = SIZE


def shorten(cfg: Config) -> None:
    """Four iterations, each logged, a checkpoint every second one.

    Args:
        cfg: changed in place.
    """
    cfg.train_cfg.update(max_iters=ITERATIONS, val_interval=ITERATIONS)
    cfg.param_scheduler = [dict(type='ConstantLR', factor=1.0, by_epoch=False)]
    cfg.default_hooks.logger.interval = 1
    cfg.default_hooks.checkpoint.update(interval=2, max_keep_ckpts=2)


def losses(work_dir: Path) -> list[float]:
    """The losses of the newest run in a work dir.

    Args:
        work_dir: its folder.
    """
    log = max(work_dir.glob('*/vis_data/scalars.json'))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [line['loss'] for line in lines if 'loss' in line]
