"""A COCO file with a defect ends both tools before the first iteration, and leaves nothing."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from reduced_models import build_model, reduced_config

CONFIG = 'configs/spike2former/spike2former_sdtv3-demo_1xb8-680i_demo-panoptic-128x128.py'


@pytest.fixture
def cfg(repo_root: Path, demo_root: Path, tmp_path: Path) -> Config:
    """The panoptic demo config on files that no generator would write anew, one with a defect."""
    root = shutil.copytree(demo_root, tmp_path / 'demo')
    for split in ('train', 'val'):
        path = root / f'annotations/panoptic_{split}.json'
        content = json.loads(path.read_text())
        content['annotations'][2]['segments_info'][0]['bbox'][2] = float('nan')
        path.write_text(json.dumps(content))
    cfg = reduced_config(str(repo_root / CONFIG))
    names = ('classes', 'thing_classes', 'stuff_classes')
    content = json.loads((root / 'annotations/panoptic_train.json').read_text())
    classes = [category['name'] for category in content['categories']]
    metainfo = dict(zip(names, (classes, classes[:6], classes[6:]), strict=True))
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[name].update(num_workers=0, batch_size=2)
        cfg[name].dataset.pop('generator')
        cfg[name].dataset.update(type='CocoPanopticDataset', data_root=str(root), metainfo=metainfo)
    for evaluator in ('val_evaluator', 'test_evaluator'):
        cfg[evaluator] = dict(type='CocoMetric', metric=['bbox'])
    return cfg


@pytest.fixture
def refused(
    cfg: Config, tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Callable:
    """Calls a tool on the config and returns its only sentence."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv('SPIKEDENSE_DEBUG', raising=False)
    path = tmp_path / f'{tmp_path.name}.py'
    cfg.dump(path)

    def call(tool: Callable, *arguments: str) -> str:
        before = set(tmp_path.rglob('*'))
        with pytest.raises(SystemExit) as stop:
            tool([str(path), *arguments, '--work-dir', 'run'])
        assert stop.value.code == 2
        (error,) = [x for x in capsys.readouterr().err.splitlines() if x.startswith('error: ')]
        assert set(tmp_path.rglob('*')) == before
        return error

    return call


def test_train_tool(refused: Callable, train_tool: Callable) -> None:
    error = refused(train_tool)
    assert "panoptic_train.json': segment " in error
    assert " of 'train_00002.jpg': bbox=[" in error and 'nan' in error


def test_defect_in_the_validation_set(
    refused: Callable, cfg: Config, train_tool: Callable, demo_root: Path, tmp_path: Path
) -> None:
    good = demo_root / 'annotations/panoptic_train.json'
    shutil.copy(good, tmp_path / 'demo/annotations/panoptic_train.json')
    assert "panoptic_val.json': segment " in refused(train_tool)


def test_test_tool(refused: Callable, cfg: Config, test_tool: Callable, tmp_path: Path) -> None:
    torch.save({'state_dict': build_model(cfg).state_dict()}, tmp_path / 'model.pth')
    error = refused(test_tool, 'model.pth')
    assert "panoptic_val.json': segment " in error and " of 'val_00002.jpg': bbox=[" in error
