"""A masked auto-encoder is trained by the tool's function and leaves pictures."""

from pathlib import Path

import mmcv
import numpy as np
import pytest
import torch

from spikedense.apis.launch import train
from spikedense.engine.reconstruction_hook import as_pixels, side_by_side

CONFIG = 'mae_sdtv3-0.6m-large_1xb16-1500i_camvid-128x128'
OPTIONS = {
    'model.backbone.arch': dict(embed_dims=[8, 8, 16], depths=[1, 1, 1, 1], num_heads=4),
    'model.neck.in_channels': 16,
    'model.neck.embed_dims': 16,
    'train_dataloader.batch_size': 2,
    'train_dataloader.num_workers': 0,
    'train_cfg.max_iters': 2,
    'custom_hooks.0.interval': 1,
    'custom_hooks.0.max_images': 1,
    'default_hooks.checkpoint.interval': 2,
}


def test_a_run_leaves_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('DATA_ROOT', str(tmp_path))
    pixels = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    for name in 'ab':
        mmcv.imwrite(pixels, str(tmp_path / f'camvid/img_dir/train/{name}.jpg'))
        mmcv.imwrite(pixels[..., 0] % 11, str(tmp_path / f'camvid/ann_dir/train/{name}.png'))
    checkpoint = train(CONFIG, work_dir=str(tmp_path / 'run'), cfg_options=OPTIONS, seed=0)
    assert checkpoint is not None and Path(checkpoint).name == 'iter_2.pth'
    keys = torch.load(checkpoint, weights_only=True)['state_dict']
    assert {key.partition('.')[0] for key in keys} == {'backbone', 'neck', 'norm'}
    pictures = sorted((tmp_path / 'run/reconstructions').iterdir())
    assert [file.name for file in pictures] == ['iter_1.png', 'iter_2.png']
    picture = mmcv.imread(str(pictures[0]))
    assert picture.shape == (128 + 4, 3 * (128 + 4), 3)
    image, visible, filled = np.split(picture, 3, axis=1)
    grey = (visible == 128).all(-1)
    assert grey[:128, :128].mean() == pytest.approx(0.5, abs=0.01)
    changed = (image != filled).any(-1)
    assert changed[grey].mean() > 0.9 and not changed[~grey].any()


def test_pixels_are_those_of_the_image() -> None:
    pixels = torch.randint(256, (1, 3, 2, 2)).float()
    preprocessor = torch.nn.Module()
    preprocessor._enable_normalize, preprocessor.to_rgb = True, False
    preprocessor.mean, preprocessor.std = torch.full((3, 1, 1), 7.0), torch.full((3, 1, 1), 3.0)
    found = as_pixels((pixels - 7) / 3, preprocessor)
    assert (found[..., ::-1] == pixels.permute(0, 2, 3, 1).numpy()).all()
    assert side_by_side([found, found]).shape == (2 + 4, 2 * (2 + 4), 3)
