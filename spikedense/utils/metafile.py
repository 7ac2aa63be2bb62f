"""Reads the metafiles of ``configs/`` and writes the README tables that come from them.

The results of a folder are in ``metafile.yml`` (OpenMMLab's model-index format, without the facts
that the configs contain). The origin of a result is ``Source: published`` (the number of a paper,
with ``Reference``) or ``Source: measured`` (our number, with ``Command`` and ``Machine``). The
metafile also contains the number of parameters, because only a built model knows it; a test
compares the number with the model. ``Pretraining`` says which weights the published number started
from, because no config names weights. All other cells of a table come from the config.
"""

from pathlib import Path
from typing import Any

import yaml

from spikedense.errors import UserError
from spikedense.utils.config_facts import ConfigFacts, read_facts

TABLE_START = '<!-- results: generated from metafile.yml by tools/dev/make_readmes.py -->'
TABLE_END = '<!-- results: end -->'
SOURCES = {'published': ('Reference',), 'measured': ('Command', 'Machine')}
_INIT_CFG = (
    '--cfg-options model.backbone.init_cfg.type=Pretrained model.backbone.init_cfg.checkpoint=FILE'
)
#: Kinds of pretraining: what a run starts from, the option that gives it, and which file it names.
PRETRAINING = {
    'none': ('random weights', None, None),
    'ImageNet-1k': (
        'a backbone that was trained to classify ImageNet-1k',
        _INIT_CFG,
        'the checkpoint of the classifier, with official keys or with those of this package',
    ),
    'MAE': (
        'an encoder that was trained to fill in masked patches of the same images',
        f'{_INIT_CFG} model.backbone.init_cfg.partial=True',
        'the checkpoint of the masked auto-encoder, with official keys or with those of this '
        'package; the layer scales, which it lacks, keep their start values',
    ),
    'T=1 run': (
        'the backbone of a run with T=1 on the same data',
        _INIT_CFG,
        'the last checkpoint of the config with T=1',
    ),
    'earlier run': (
        'all weights of an earlier run on the same data',
        '--cfg-options load_from=FILE',
        'the last checkpoint of the earlier run',
    ),
}

_METADATA_KEYS = ('Parameters', 'Pretraining')
_RESULT_KEYS = ('Task', 'Dataset', 'Metrics', 'Source')
_COLUMNS = ('Config', 'Neuron', 'T x D', 'Params (M)', 'Batch x iterations', 'Pretraining')
#: The metric of each task in a table; the notes show all metrics.
METRICS = {
    'Semantic Segmentation': 'mIoU',
    'Panoptic Segmentation': 'PQ',
    'Instance Segmentation': 'mask AP',
    'Object Detection': 'box AP',
    'Image Classification': 'accuracy/top1',
    'Masked Image Modeling': 'loss',
}


def load_metafile(path: Path) -> dict[str, Any]:
    """Read and check one metafile.

    Args:
        path: A ``metafile.yml``.

    Returns:
        The content. ``Results`` of each model is a list, empty if the file has no results.

    Raises:
        UserError: If a key is missing or unknown, or if a model is there twice.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except yaml.YAMLError as error:
        raise UserError(f'{path}: not valid YAML: {error}') from error
    _require(path, 'the file', content, ('Collections', 'Models'))
    names: set[str] = set()
    for model in content['Models']:
        model.setdefault('Results', [])
        _check_model(path, model)
        if model['Name'] in names:
            raise UserError(f'{path}: the model {model["Name"]!r} is there twice, expected once.')
        names.add(model['Name'])
    return content


def _require(
    path: Path, where: str, content: Any, keys: tuple[str, ...], *, alone: bool = False
) -> None:
    """Refuse a content that is not a mapping, lacks a key or, with ``alone``, has other keys."""
    if not isinstance(content, dict):
        raise UserError(f'{path}: {where} is {type(content).__name__}, expected a mapping.')
    for key in keys:
        if key not in content:
            raise UserError(f'{path}: {where} has no {key!r}, expected {list(keys)}.')
    unknown = sorted(content.keys() - set(keys))
    if alone and unknown:
        raise UserError(f'{path}: {where} has {unknown[0]!r}, expected {list(keys)} alone.')


def _check_model(path: Path, model: dict[str, Any]) -> None:
    where = f'model {model.get("Name")!r}'
    _require(path, where, model, ('Name', 'Metadata', 'Results'), alone=True)
    _require(path, f'{where}: Metadata', model['Metadata'], _METADATA_KEYS, alone=True)
    pretraining = model['Metadata']['Pretraining']
    if pretraining not in PRETRAINING:
        raise UserError(
            f'{path}: {where}: Pretraining is {pretraining!r}, expected one of '
            f'{sorted(PRETRAINING)}.'
        )
    if not isinstance(model['Results'], list):
        raise UserError(f'{path}: {where}: Results is not a list, as expected.')
    for result in model['Results']:
        _require(path, f'{where}: a result', result, _RESULT_KEYS)
        task, source = result['Task'], result['Source']
        metric = METRICS.get(task)
        if metric not in result['Metrics']:
            raise UserError(
                f'{path}: {where}: Task is {task!r} with Metrics {sorted(result["Metrics"])}, '
                f'expected a task and its metric of {METRICS}.'
            )
        if source not in SOURCES:
            raise UserError(
                f'{path}: {where}: Source is {source!r}, expected one of {sorted(SOURCES)}.'
            )
        _require(path, f'{where}: a {source} result', result, SOURCES[source])


def render_results(models: list[dict[str, Any]], facts: dict[str, ConfigFacts]) -> str:
    """Make the Markdown tables of a README, one for each data set, then their notes.

    The notes explain the kinds of pretraining, then each result.

    Args:
        models: The models of a metafile.
        facts: Name of a model -> facts of the config.

    Returns:
        Markdown without a final newline.
    """
    notes: list[str] = []
    parts: list[str] = []
    for data in dict.fromkeys(facts[model['Name']].data for model in models):
        members = [model for model in models if facts[model['Name']].data == data]
        parts += [f'### {data}', '', *_table(members, facts, notes), '']
    parts += _pretraining_lines(models)
    parts += notes or ['No results are recorded yet.']
    return '\n'.join(parts)


def _pretraining_lines(models: list[dict[str, Any]]) -> list[str]:
    """Explain each kind of pretraining in the tables, with the option that gives the weights."""
    kinds = {model['Metadata']['Pretraining'] for model in models}
    lines = [
        '"Pretraining" is what the published number started from; for a config without a published '
        'number, what its recipe starts from. No config names weights: without the option a run '
        'starts from random weights.',
        '',
    ]
    for kind, (start, option, file) in PRETRAINING.items():
        if kind in kinds:
            how = f'; `{option}`, where FILE is {file}' if option else ''
            lines.append(f'- {kind}: {start}{how}.')
    return [*lines, '']


def _table(
    models: list[dict[str, Any]], facts: dict[str, ConfigFacts], notes: list[str]
) -> list[str]:
    tasks = [result['Task'] for model in models for result in model['Results']]
    metrics = ', '.join(METRICS[task] for task in METRICS if task in tasks) or 'result'
    header = [*_COLUMNS, f'{metrics} (published)', f'{metrics} (measured here)']
    lines = ['| ' + ' | '.join(header) + ' |', '| ' + ' | '.join('---' for _ in header) + ' |']
    for model in models:
        name = model['Name']
        says = facts[name]
        cells = [
            f'[{name}]({name}.py)',
            says.neuron,
            says.steps,
            f'{model["Metadata"]["Parameters"] / 1e6:.2f}',
            f'{says.batch} x {says.length}',
            model['Metadata']['Pretraining'],
            *(_cell(model, source, notes) for source in SOURCES),
        ]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return lines


def _cell(model: dict[str, Any], source: str, notes: list[str]) -> str:
    """Return the numbers of one source, each with the index of its note; a dash for none."""
    values = []
    for result in model['Results']:
        if result['Source'] == source:
            notes.append(_note(len(notes) + 1, model['Name'], result))
            values.append(f'{result["Metrics"][METRICS[result["Task"]]]} [{len(notes)}]')
    return ', '.join(values) or '-'


def _note(index: int, name: str, result: dict[str, Any]) -> str:
    metrics = ', '.join(f'{key} {value}' for key, value in result['Metrics'].items())
    text = f'{index}. {name}, {result["Dataset"]}: {metrics}; {result["Source"]}'
    if result['Source'] == 'published':
        text += f' in {result["Reference"]}.'
    else:
        text += f' here on {result["Machine"]} with `{result["Command"]}`.'
    return text + (f' {result["Note"]}' if 'Note' in result else '')


def update_readme(text: str, table: str, name: str = 'README.md') -> str:
    """Put a table between the markers of a README.

    Args:
        text: The README.
        table: Markdown of :func:`render_results`.
        name: Name of the file, for the error.

    Returns:
        The new text.

    Raises:
        UserError: If a marker is missing.
    """
    before, start, rest = text.partition(TABLE_START)
    _, end, after = rest.partition(TABLE_END)
    if not start or not end:
        raise UserError(
            f'{name}: {TABLE_START!r} or {TABLE_END!r} is missing, expected both markers.'
        )
    return f'{before}{start}\n\n{table}\n\n{end}{after}'


def stale_readmes(configs: Path) -> dict[Path, str]:
    """Compare the README of each folder with its metafile and its configs.

    Args:
        configs: The folder ``configs``.

    Returns:
        Path of each README that differs -> the text that it should have.

    Raises:
        UserError: If a README, a config or a key of a metafile is missing.
    """
    stale = {}
    for metafile in sorted(configs.glob('*/metafile.yml')):
        readme = metafile.with_name('README.md')
        if not readme.is_file():
            raise UserError(f'{readme}: no such file, expected one beside {metafile}.')
        models = load_metafile(metafile)['Models']
        names = [model['Name'] for model in models]
        facts = {name: read_facts(metafile.with_name(f'{name}.py')) for name in names}
        text = readme.read_text(encoding='utf-8')
        wanted = update_readme(text, render_results(models, facts), str(readme))
        if wanted != text:
            stale[readme] = wanted
    return stale
