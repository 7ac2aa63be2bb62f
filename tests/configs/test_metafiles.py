"""The metafiles agree with the configs, and the READMEs with the metafiles."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from mmengine.config import Config
from reduced_models import build_model, crop_of

from spikedense.utils.config_path import config_root, list_configs
from spikedense.utils.metafile import (
    TABLE_END,
    TABLE_START,
    MetafileError,
    load_metafile,
    render_results,
    stale_readmes,
    update_readme,
)

METAFILES = sorted(config_root().glob('*/metafile.yml'))
MODELS = {model['Config']: model for file in METAFILES for model in load_metafile(file)['Models']}
NEURONS = {
    'LIF': 'LIF',
    'NILIF': 'NI-LIF',
    'ILIF': 'I-LIF',
    'SigmoidL2NILIF': 'NI-LIF, sigmoid & L2',
    'ReLU': 'ReLU (ANN)',
}

RESULT = {
    'Task': 'Semantic Segmentation',
    'Dataset': 'CamVid',
    'Metrics': {'mIoU': 51.5},
    'Source': 'measured',
    'Command': 'python tools/test.py x.py x.pth',
    'Machine': '2 cores',
}


def a_model(**results: Any) -> dict[str, Any]:
    return {
        'Name': 'x',
        'In Collection': 'c',
        'Config': 'configs/x/x.py',
        'Metadata': {
            'Training Data': 'CamVid',
            'Backbone': 'B',
            'Neuron': 'LIF',
            'Steps': '4 x 1',
            'Parameters': 1234567,
            'Crop': '360x480',
            'Batch Size': 16,
            'Iterations': 5000,
        },
        'Results': [{**RESULT, **results}],
    }


def write_metafile(folder: Path, **results: Any) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / 'metafile.yml'
    path.write_text(
        yaml.safe_dump({'Collections': [{'Name': 'c'}], 'Models': [a_model(**results)]})
    )
    return path


def test_every_config_has_one_entry() -> None:
    assert sorted(MODELS) == sorted(f'configs/{name}' for name in list_configs())
    assert len(MODELS) == sum(len(load_metafile(file)['Models']) for file in METAFILES)


def test_model_index_imports_every_metafile(repo_root: Path) -> None:
    index = yaml.safe_load((repo_root / 'model-index.yml').read_text())
    assert index['Import'] == [f'configs/{file.parent.name}/metafile.yml' for file in METAFILES]


@pytest.mark.parametrize('config', MODELS)
def test_metadata_agree_with_the_config(config: str) -> None:
    entry, meta = MODELS[config], MODELS[config]['Metadata']
    cfg = Config.fromfile(str(config_root() / config.removeprefix('configs/')))
    backbone = cfg.model.backbone
    assert entry['Name'] == Path(config).stem
    gpus = int(re.search(r'_(\d+)xb\d+-', config)[1])
    assert meta['Batch Size'] == gpus * cfg.train_dataloader.batch_size
    budget = {'Iterations': 'max_iters', 'Epochs': 'max_epochs'}
    (unit,) = budget.keys() & meta.keys()
    assert meta[unit] == cfg.train_cfg[budget[unit]]
    height, width = crop_of(cfg)
    assert meta['Crop'] == f'{height}x{width}'
    neuron = backbone.get('neuron_cfg', dict(type='ReLU'))
    undivided = neuron['type'] == 'NILIF' and neuron.get('norm') == 1
    expected = NEURONS['ILIF' if undivided else neuron['type']]
    if cfg.model.get('rpn_head', backbone).get('neuron_cfg', neuron)['type'] == 'ILIF':
        expected += ', I-LIF heads'
    assert meta['Neuron'] == expected
    steps = f'{backbone.get("T", 1)} x {neuron.get("D", 1)}'
    assert meta['Steps'] == ('none' if meta['Neuron'] == NEURONS['ReLU'] else steps)
    with torch.device('meta'):
        model = build_model(cfg)
    assert meta['Parameters'] == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize('file', METAFILES, ids=lambda file: file.parent.name)
def test_no_weights_are_promised(file: Path) -> None:
    assert not re.search(r'\.pth|Weights', file.read_text(encoding='utf-8').replace('x.pth', ''))


def test_readmes_are_up_to_date() -> None:
    assert not stale_readmes(config_root()), 'run python tools/dev/make_readmes.py'


def test_published_and_measured_stand_in_their_own_columns() -> None:
    published = dict(Source='published', Reference='Some paper', Metrics={'mIoU': 60.25})
    model = a_model()
    model['Results'].append({**RESULT, **published})
    lines = render_results([model]).splitlines()
    row = next(line for line in lines if line.startswith('| [x](x.py)'))
    assert row.endswith('| 1.23 | 16 x 5000 | 60.25 [1] | 51.5 [2] |')
    assert '1. x, CamVid: mIoU 60.25; published in Some paper.' in lines
    assert lines[-1] == (
        '2. x, CamVid: mIoU 51.5; measured here on 2 cores with `python tools/test.py x.py x.pth`.'
    )


def test_each_task_has_its_metric() -> None:
    pq = dict(Task='Panoptic Segmentation', Metrics={'PQ': 30.9, 'PQ_th': 31.7})
    model = a_model(**pq)
    lines = render_results([model]).splitlines()
    assert any(line.endswith('| PQ (published) | PQ (measured here) |') for line in lines)
    assert any(line.endswith('| 1.23 | 16 x 5000 | - | 30.9 [1] |') for line in lines)
    assert lines[-1].startswith('1. x, CamVid: PQ 30.9, PQ_th 31.7; measured here')


def test_a_budget_may_be_of_epochs(tmp_path: Path) -> None:
    model = a_model()
    del model['Metadata']['Iterations']
    model['Metadata']['Epochs'] = 12
    assert '| 16 x 12 epochs |' in render_results([model])
    path = tmp_path / 'metafile.yml'
    for extra, fits in ((dict(), True), (dict(Iterations=5), False)):
        model['Metadata'].update(extra)
        path.write_text(yaml.safe_dump({'Collections': [{'Name': 'c'}], 'Models': [model]}))
        if fits:
            load_metafile(path)
        else:
            with pytest.raises(MetafileError, match='not one of'):
                load_metafile(path)


def test_a_model_without_results_has_dashes() -> None:
    model = a_model()
    model['Results'] = []
    text = render_results([model])
    assert '| - | - |' in text
    assert 'No results are recorded yet.' in text


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(Source='guessed'), "Source is 'guessed', expected one of"),
        (dict(Source='published'), "a published result has no 'Reference'"),
        (dict(Task='Guessing'), "Task is 'Guessing' with Metrics ['mIoU']"),
        (dict(Task='Panoptic Segmentation'), "Task is 'Panoptic Segmentation' with Metrics"),
    ],
)
def test_bad_results_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(MetafileError, match=re.escape(message)):
        load_metafile(write_metafile(tmp_path, **change))


def test_missing_markers_are_named() -> None:
    with pytest.raises(MetafileError, match='markers'):
        update_readme('# no table', 'table')


def test_tool_writes_then_agrees(tmp_path: Path, repo_root: Path) -> None:
    write_metafile(tmp_path / 'x')
    readme = tmp_path / 'x' / 'README.md'
    readme.write_text(f'# x\n{TABLE_START}\nold\n{TABLE_END}\nafter\n')

    def run(*args: str) -> int:
        command = [sys.executable, 'tools/dev/make_readmes.py', '--configs', str(tmp_path), *args]
        env = {**os.environ, 'PYTHONPATH': str(repo_root)}
        return subprocess.run(command, cwd=repo_root, env=env, capture_output=True).returncode

    assert run('--check') == 1
    assert 'old' in readme.read_text()
    assert run() == 0
    text = readme.read_text()
    assert '51.5 [1]' in text
    assert 'old' not in text
    assert text.endswith('after\n')
    assert run('--check') == 0
