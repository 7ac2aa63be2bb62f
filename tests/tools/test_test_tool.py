"""tools/test.py: each flag, on the demo set."""

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.runner import Runner
from PIL import Image
from tool_configs import SIZE

from spikedense.datasets.demo import DemoDataset
from spikedense.neurons import BaseNeuron

VAL_IMAGES = [f'val_{index:05d}' for index in range(6)]


def test_reports_metrics_and_keeps_them(
    trained: tuple[str, str], test_tool: Callable, tmp_path: Path
) -> None:
    metrics = test_tool([*trained, '--work-dir', str(tmp_path)])
    assert {'mIoU', 'aAcc', 'mAcc'} <= metrics.keys()
    (written,) = tmp_path.glob('*_*/*.json')
    assert json.loads(written.read_text())['mIoU'] == metrics['mIoU']


def test_show_dir_draws_every_image(
    trained: tuple[str, str], test_tool: Callable, tmp_path: Path
) -> None:
    pictures = tmp_path / 'pictures'
    test_tool([*trained, '--work-dir', str(tmp_path / 'run'), '--show-dir', str(pictures)])
    assert sorted(path.stem for path in pictures.iterdir()) == VAL_IMAGES
    # Image, truth and prediction side by side.
    width, height = Image.open(pictures / 'val_00000.png').size
    assert width > 3 * SIZE[1] and height > SIZE[0]


def test_firing_rates_of_every_neuron(
    trained: tuple[str, str], test_tool: Callable, tmp_path: Path
) -> None:
    out = tmp_path / 'rates.json'
    plain = test_tool([*trained, '--work-dir', str(tmp_path / 'plain')])
    metrics = test_tool([*trained, '--work-dir', str(tmp_path / 'run'), '--firing-rates', str(out)])
    assert metrics['mIoU'] == plain['mIoU']
    init_default_scope('mmseg')
    model = MODELS.build(Config.fromfile(trained[0]).model)
    neurons = [name for name, m in model.named_modules() if isinstance(m, BaseNeuron)]
    rates = json.loads(out.read_text())
    assert list(rates) == neurons
    assert all(0 <= r['rate'] <= 1 - r['zeros'] <= 1 for r in rates.values())
    assert any(r['rate'] > 0 for r in rates.values())


def test_out_is_a_folder_of_label_maps(
    trained: tuple[str, str], test_tool: Callable, tmp_path: Path, demo_root: Path
) -> None:
    maps = tmp_path / 'maps'
    metrics = test_tool([*trained, '--work-dir', str(tmp_path / 'run'), '--out', str(maps)])
    assert sorted(path.stem for path in maps.iterdir()) == VAL_IMAGES
    right = total = 0
    for name in VAL_IMAGES:
        predicted = np.array(Image.open(maps / f'{name}.png'))
        truth = np.array(Image.open(demo_root / 'annotations' / 'val' / f'{name}.png'))
        right += (predicted == truth)[truth != 255].sum()
        total += (truth != 255).sum()
    assert 100 * right / total == pytest.approx(metrics['aAcc'], abs=0.01)


def test_out_is_a_pickle_by_its_name(
    trained: tuple[str, str], test_tool: Callable, tmp_path: Path
) -> None:
    out = tmp_path / 'predictions.pkl'
    test_tool([*trained, '--work-dir', str(tmp_path / 'run'), '--out', str(out)])
    predictions = pickle.loads(out.read_bytes())
    assert len(predictions) == len(VAL_IMAGES)
    assert predictions[0]['pred_sem_seg']['data'].shape == (1, *SIZE)


@pytest.mark.parametrize('own', [True, False], ids=['of the config', 'made up'])
def test_tta_averages_the_copies(
    trained: tuple[str, str], test_tool: Callable, tmp_path: Path, own: bool
) -> None:
    config = Path(trained[0])
    if not own:
        cfg = Config.fromfile(config)
        cfg.pop('tta_pipeline')
        cfg.pop('tta_model')
        config = tmp_path / 'without_tta.py'
        cfg.dump(config)
    maps = [tmp_path / 'plain', tmp_path / 'averaged']
    arguments = [str(config), trained[1], '--work-dir', str(tmp_path / 'run')]
    test_tool([*arguments, '--out', str(maps[0])])
    metrics = test_tool([*arguments, '--tta', '--out', str(maps[1])])
    assert metrics['aAcc'] > 0
    plain, averaged = (
        np.stack([np.array(Image.open(folder / f'{name}.png')) for name in VAL_IMAGES])
        for folder in maps
    )
    assert averaged.shape == plain.shape
    assert (averaged != plain).any()


def test_amp_predicts_nearly_the_same(
    trained: tuple[str, str], test_tool: Callable, tmp_path: Path
) -> None:
    arguments = [*trained, '--work-dir', str(tmp_path / 'run')]
    full = test_tool(arguments)
    half = test_tool([*arguments, '--amp', '--seed', '0'])
    assert half['aAcc'] == pytest.approx(full['aAcc'], abs=5)


def test_deterministic(trained: tuple[str, str], test_tool: Callable, tmp_path: Path) -> None:
    try:
        test_tool([*trained, '--work-dir', str(tmp_path), '--deterministic'])
        assert torch.are_deterministic_algorithms_enabled()
    finally:
        torch.use_deterministic_algorithms(False)


def test_cfg_options_reach_the_run(
    trained: tuple[str, str], test_tool: Callable, tmp_path: Path
) -> None:
    option = "test_evaluator.iou_metrics=['mDice']"
    metrics = test_tool([*trained, '--work-dir', str(tmp_path), '--cfg-options', option])
    assert 'mDice' in metrics
    assert 'mIoU' not in metrics


def test_spike_driven_twin_scores_the_same(
    trained: tuple[str, str],
    test_tool: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The order of additions differs, so that in float32 a spike may flip.
    wrap = Runner.wrap_model
    monkeypatch.setattr(
        Runner, 'wrap_model', lambda self, cfg, model: wrap(self, cfg, model.double())
    )
    plain = test_tool([*trained, '--work-dir', str(tmp_path / 'plain')])
    spikes = test_tool([*trained, '--work-dir', str(tmp_path / 'spikes'), '--spike-inference'])
    assert spikes == plain
    assert 'spike-driven twin' in next((tmp_path / 'spikes').rglob('*.log')).read_text()


def test_rates_are_those_of_integers(
    trained: tuple[str, str], test_tool: Callable, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit):
        test_tool([*trained, '--spike-inference', '--firing-rates', 'rates.json'])
    assert 'expected one of them' in capsys.readouterr().err


def test_a_process_says_nothing_before_its_own_lines(
    trained: tuple[str, str], repo_root: Path, tmp_path: Path
) -> None:
    words = [*trained, '--work-dir', str(tmp_path)]
    words += ['--cfg-options', 'test_dataloader.num_workers=1']
    ran = subprocess.run(
        [sys.executable, str(repo_root / 'tools' / 'test.py'), *words],
        env={**os.environ, 'PYTHONPATH': str(repo_root)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    lines = ran.stdout.splitlines()
    assert lines[0].startswith('log: ')
    assert 'Load checkpoint from' in lines[1]
    assert 'Iter(test)' in lines[2]


def test_images_of_equal_names_keep_their_outputs(
    trained: tuple[str, str], test_tool: Callable, tmp_path: Path, demo_root: Path
) -> None:
    for kind, suffix in (('images', 'jpg'), ('annotations', 'png')):
        source = demo_root / kind / 'val'
        for town, number in (('east', 0), ('west', 1)):
            folder = tmp_path / 'data' / kind / town
            folder.mkdir(parents=True)
            shutil.copy(source / f'val_{number:05d}.{suffix}', folder / f'0001.{suffix}')
    cfg = Config.fromfile(trained[0])
    cfg.test_dataloader.dataset = dict(
        type='BaseSegDataset',
        data_root=str(tmp_path / 'data'),
        data_prefix=dict(img_path='images', seg_map_path='annotations'),
        img_suffix='.jpg',
        metainfo=DemoDataset.METAINFO,
        pipeline=cfg.test_dataloader.dataset.pipeline,
    )
    cfg.dump(tmp_path / 'towns.py')
    maps, pictures = tmp_path / 'maps', tmp_path / 'pictures'
    arguments = [str(tmp_path / 'towns.py'), trained[1], '--work-dir', str(tmp_path / 'run')]
    test_tool([*arguments, '--out', str(maps), '--show-dir', str(pictures)])
    for folder in (maps, pictures):
        found = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob('*.png'))]
        assert found == ['east/0001.png', 'west/0001.png']


def test_out_may_not_be_a_folder_of_the_data(
    trained: tuple[str, str],
    test_tool: Callable,
    tmp_path: Path,
    demo_root: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    folder = demo_root / 'annotations' / 'val'
    before = {path: path.read_bytes() for path in folder.iterdir()}
    for option in ('--out', '--show-dir'):
        with pytest.raises(SystemExit):
            test_tool([*trained, '--work-dir', str(tmp_path), option, str(folder)])
        assert f"{option} '{folder}' is a folder of the data set" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in folder.iterdir()} == before
