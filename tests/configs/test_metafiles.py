"""The metafiles and the configs fit together, and the READMEs are made of both."""

import re
import runpy
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from spikedense.errors import UserError
from spikedense.utils import config_facts, metafile, zoo
from spikedense.utils.config_facts import ConfigFacts
from spikedense.utils.config_path import config_root, list_configs
from spikedense.utils.metafile import (
    PRETRAINING,
    TABLE_END,
    TABLE_START,
    load_metafile,
    render_results,
    stale_readmes,
    update_readme,
)

METAFILES = sorted(config_root().glob('*/metafile.yml'))
#: Path of a config below the configs' folder -> its entry.
MODELS = {
    f'{file.parent.name}/{model["Name"]}.py': model
    for file in METAFILES
    for model in load_metafile(file)['Models']
}

NAME = 'x_y_1xb16-5k_camvid-480x360'
CONFIG = """model = dict(backbone=dict(T=4, neuron_cfg=dict(type='LIF')))
train_dataloader = dict(batch_size=16)
train_cfg = dict(max_iters=5000)
"""
FACTS = {
    NAME: ConfigFacts(
        task='Semantic Segmentation',
        data='CamVid',
        neuron='LIF',
        steps='4 x 1',
        batch=16,
        length='5000',
    )
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
        'Name': NAME,
        'Metadata': {'Parameters': 1234567, 'Pretraining': 'none'},
        'Results': [{**RESULT, **results}],
    }


def write_metafile(folder: Path, *models: dict[str, Any]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / 'metafile.yml'
    content = {'Collections': [{'Name': 'c'}], 'Models': list(models)}
    path.write_text(yaml.safe_dump(content))
    return path


def test_every_config_has_one_entry() -> None:
    assert sorted(MODELS) == list_configs()
    assert len(MODELS) == sum(len(load_metafile(file)['Models']) for file in METAFILES)


@pytest.mark.parametrize('file', METAFILES, ids=lambda file: file.parent.name)
def test_every_folder_has_one_collection(file: Path) -> None:
    (collection,) = load_metafile(file)['Collections']
    assert collection['README'] == f'configs/{file.parent.name}/README.md'
    assert collection['Name'] and collection['Metadata']['Architecture']
    assert collection['Paper']['Title'] and collection['Paper']['URL'].startswith('https://')


def test_model_index_imports_every_metafile(repo_root: Path) -> None:
    index = yaml.safe_load((repo_root / 'model-index.yml').read_text())
    assert index['Import'] == [f'configs/{file.parent.name}/metafile.yml' for file in METAFILES]


@pytest.mark.parametrize('config', [c for c in MODELS if MODELS[c]['Results']])
def test_a_command_names_its_own_config(config: str) -> None:
    for result in MODELS[config]['Results']:
        if result['Source'] == 'measured':
            command = result['Command']
            assert Path(config).stem in command or command == 'make demo (seed 0)'


@pytest.mark.parametrize('file', METAFILES, ids=lambda file: file.parent.name)
def test_no_weights_are_promised(file: Path) -> None:
    assert not re.search(r'\.pth|Weights', file.read_text(encoding='utf-8').replace('x.pth', ''))


def test_generated_pages_are_up_to_date(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = cache(config_facts.read_facts)
    for module in (metafile, zoo):
        monkeypatch.setattr(module, 'read_facts', facts)
    remedy = 'run python tools/dev/make_readmes.py'
    assert not stale_readmes(config_root()), remedy
    page = (repo_root / 'docs' / 'zoo.md').read_text(encoding='utf-8')
    assert zoo.render_zoo(config_root()) == page, remedy


def test_published_and_measured_stand_in_their_own_columns() -> None:
    published = dict(Source='published', Reference='Some paper', Metrics={'mIoU': 60.25})
    model = a_model()
    model['Results'].append({**RESULT, **published})
    lines = render_results([model], FACTS).splitlines()
    assert lines[0] == '### CamVid'
    row = next(line for line in lines if line.startswith(f'| [{NAME}]({NAME}.py)'))
    assert row.endswith('| LIF | 4 x 1 | 1.23 | 16 x 5000 | none | 60.25 [1] | 51.5 [2] |')
    assert f'1. {NAME}, CamVid: mIoU 60.25; published in Some paper.' in lines
    assert lines[-1] == (
        f'2. {NAME}, CamVid: mIoU 51.5; measured here on 2 cores with '
        '`python tools/test.py x.py x.pth`.'
    )


def test_each_data_set_has_its_table() -> None:
    models = [{**a_model(), 'Name': name} for name in 'abc']
    demo = ConfigFacts(
        task='Semantic Segmentation', data='Demo', neuron='LIF', steps='1 x 1', batch=1, length='1'
    )
    facts = {'a': FACTS[NAME], 'b': demo, 'c': FACTS[NAME]}
    lines = render_results(models, facts).splitlines()
    shown = [line[:5] for line in lines if line.startswith(('###', '| ['))]
    assert shown == ['### C', '| [a]', '| [c]', '### D', '| [b]']


def test_each_task_has_its_metric() -> None:
    pq = dict(Task='Panoptic Segmentation', Metrics={'PQ': 30.9, 'PQ_th': 31.7})
    lines = render_results([a_model(**pq)], FACTS).splitlines()
    assert any(line.endswith('| PQ (published) | PQ (measured here) |') for line in lines)
    assert any(line.endswith('| 1.23 | 16 x 5000 | none | - | 30.9 [1] |') for line in lines)
    assert lines[-1].startswith(f'1. {NAME}, CamVid: PQ 30.9, PQ_th 31.7; measured here')


@pytest.mark.parametrize('kind', PRETRAINING)
def test_pretraining_is_explained_with_its_option(kind: str) -> None:
    model = a_model()
    model['Metadata']['Pretraining'] = kind
    text = render_results([model], FACTS)
    _, option, _ = PRETRAINING[kind]
    assert f'| 16 x 5000 | {kind} | -' in text
    assert [line for line in text.splitlines() if line.startswith(f'- {kind}: ')]
    assert ('FILE' in text) is (option is not None)
    assert option is None or f'`{option}`' in text


def test_a_model_without_results_has_dashes() -> None:
    model = a_model()
    model['Results'] = []
    text = render_results([model], FACTS)
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
    with pytest.raises(UserError, match=re.escape(message)):
        load_metafile(write_metafile(tmp_path, a_model(**change)))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(Metadata={}), "Metadata has no 'Parameters', expected"),
        (
            dict(Metadata={'Parameters': 1, 'Pretraining': 'none', 'Neuron': 'LIF'}),
            "Metadata has 'Neuron', expected ['Parameters', 'Pretraining'] alone",
        ),
        (dict(Metadata={'Parameters': 1}), "Metadata has no 'Pretraining', expected"),
        (
            dict(Metadata={'Parameters': 1, 'Pretraining': 'COCO'}),
            "Pretraining is 'COCO', expected one of ['ImageNet-1k',",
        ),
        (dict(Config='configs/x.py'), "has 'Config', expected ['Name', 'Metadata', 'Results']"),
        (dict(Results={}), 'Results is not a list'),
    ],
)
def test_bad_entries_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        load_metafile(write_metafile(tmp_path, {**a_model(), **change}))


def test_a_model_that_is_there_twice_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match='is there twice'):
        load_metafile(write_metafile(tmp_path, a_model(), a_model()))


def test_missing_markers_are_named() -> None:
    with pytest.raises(UserError, match='markers'):
        update_readme('# no table', 'table')


def test_tool_writes_then_agrees(
    tmp_path: Path, repo_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main = runpy.run_path(str(repo_root / 'tools/dev/make_readmes.py'))['main']
    write_metafile(tmp_path / 'x', a_model())
    config = tmp_path / 'x' / f'{NAME}.py'
    readme = tmp_path / 'x' / 'README.md'
    readme.write_text(f'# x\n{TABLE_START}\nold\n{TABLE_END}\nafter\n')

    def run(*args: str) -> tuple[int, str]:
        return main(['--configs', str(tmp_path), *args]), capsys.readouterr().err

    code, message = run()
    assert code == 1 and f'{NAME}.py: no such config' in message
    config.write_text(CONFIG)
    assert run('--check')[0] == 1
    assert 'old' in readme.read_text()
    assert run()[0] == 0
    text = readme.read_text()
    assert '| LIF | 4 x 1 | 1.23 | 16 x 5000 | none | - | 51.5 [1] |' in text
    assert 'old' not in text
    assert text.endswith('after\n')
    assert run('--check')[0] == 0
    config.write_text(CONFIG.replace('5000', '6000'))
    assert run('--check')[0] == 1, 'the table follows the config'
