"""Each pair of options of a test, for each kind of model: it works, or one sentence refuses it."""

import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from reduced_models import build_model, reduced_config
from tool_configs import IMAGES, SIZE, demo_config, spike2former_config

MASK_RCNN = 'configs/mask_rcnn/mask-rcnn_sdtv3-demo_1xb4-600i_demo-instance-128x128.py'
CLASSIFIER = 'configs/sdt_v3/classifier_sdtv3-5m_8xb256-200e_imagenet-224x224.py'
#: An option -> its words, and what it leaves behind.
OPTIONS: dict[str, tuple[str, ...]] = {
    '--tta': (),
    '--amp': (),
    '--show-dir': ('pictures',),
    '--out': ('out.pkl',),
    '--firing-rates': ('rates.json',),
    '--spike-inference': (),
}
PAIRS = list(itertools.combinations(OPTIONS, 2))
#: Kind of model -> option -> the sentence that refuses it beside any other option.
REFUSED = {
    'Mask R-CNN': {'--tta': 'mmdet merges the boxes of several copies, not the masks'},
}
#: Options that are refused beside each other, for all models.
REFUSED_PAIRS = {frozenset({'--firing-rates', '--spike-inference'}): '--firing-rates'}
#: Options that are given together with several processes.
WITH_A_LAUNCHER = (
    ('--amp', '--show-dir', '--out', '--firing-rates'),
    ('--tta',),
    ('--spike-inference',),
)


def _mask_rcnn(repo_root: Path, demo_root: Path) -> Config:
    cfg = reduced_config(str(repo_root / MASK_RCNN))
    loader = cfg.test_dataloader
    loader.update(num_workers=0, persistent_workers=False)
    loader.dataset.update(data_root=str(demo_root), generator=dict(IMAGES))
    cfg.test_evaluator.ann_file = f'{demo_root}/{loader.dataset.ann_file}'
    return cfg


def _classifier(repo_root: Path, demo_root: Path) -> Config:
    cfg = reduced_config(str(repo_root / CLASSIFIER))
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False, batch_size=2)
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=SIZE),
        dict(type='PackInputs'),
    ]
    # The splits of the demo set are the two classes.
    cfg.test_dataloader.dataset = dict(
        type='CustomDataset', data_root=str(demo_root / 'images'), pipeline=pipeline
    )
    cfg.model.head.num_classes = cfg.model.data_preprocessor.num_classes = 2
    cfg.model.head.topk = cfg.test_evaluator.topk = (1,)
    return cfg


KINDS: dict[str, Callable[[Path, Path], Config]] = {
    'FPN': demo_config,
    'Spike2Former': spike2former_config,
    'Mask R-CNN': _mask_rcnn,
    'classifier': _classifier,
}


@pytest.fixture(scope='module', params=KINDS)
def model(
    request: pytest.FixtureRequest,
    repo_root: Path,
    demo_root: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path, Path]:
    """A kind of model, its config, and a checkpoint with random weights."""
    folder = tmp_path_factory.mktemp('pairs')
    cfg = KINDS[request.param](repo_root, demo_root)
    cfg.test_dataloader.dataset.indices = 2
    torch.manual_seed(0)
    path, weights = folder / 'cfg.py', folder / 'weights.pth'
    torch.save(dict(state_dict=build_model(cfg).state_dict()), weights)
    cfg.dump(path)
    return request.param, path, weights


def _refusal(kind: str, options: tuple[str, ...]) -> str | None:
    """The words of the sentence that refuses options; None for options that work."""
    told = [REFUSED.get(kind, {}).get(option) for option in options]
    return next((words for words in told if words), None) or REFUSED_PAIRS.get(frozenset(options))


@pytest.mark.parametrize('pair', PAIRS, ids=' '.join)
def test_a_pair(
    pair: tuple[str, str],
    model: tuple[str, Path, Path],
    test_tool: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    kind, config, weights = model
    monkeypatch.chdir(tmp_path)
    words = [word for option in pair for word in (option, *OPTIONS[option])]
    refusal = _refusal(kind, pair)
    if refusal is not None:
        with pytest.raises(SystemExit) as stop:
            test_tool([str(config), str(weights), *words])
        said = [x for x in capsys.readouterr().err.splitlines() if x.startswith('error: ')]
        assert stop.value.code == 2 and len(said) == 1 and refusal in said[0]
        return
    metrics = test_tool([str(config), str(weights), *words])
    assert metrics
    _all_is_there(pair, tmp_path)


def _all_is_there(options: tuple[str, ...], folder: Path) -> None:
    for option in options:
        for name in OPTIONS[option]:
            assert (folder / name).exists(), f'{option} left nothing'


@pytest.mark.slow
@pytest.mark.parametrize('options', WITH_A_LAUNCHER, ids=' '.join)
def test_two_processes(
    options: tuple[str, ...], model: tuple[str, Path, Path], repo_root: Path, tmp_path: Path
) -> None:
    kind, config, weights = model
    words = [word for option in options for word in (option, *OPTIONS[option])]
    tool = str(repo_root / 'tools' / 'dist_test.sh')
    done = subprocess.run(
        [tool, str(config), str(weights), '2', *words],
        cwd=tmp_path,
        env={**os.environ, 'PYTHON': sys.executable, 'OMP_NUM_THREADS': '1'},
        capture_output=True,
        text=True,
        check=False,
    )
    refusal = _refusal(kind, options)
    if refusal is not None:
        said = [line for line in done.stderr.splitlines() if line.startswith('error: ')]
        assert done.returncode != 0 and len(said) == 1 and refusal in said[0]
        return
    assert done.returncode == 0, done.stderr
    _all_is_there(options, tmp_path)
