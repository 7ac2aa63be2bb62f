"""Reads the metafiles of ``configs/`` and writes the README tables that come from them.

A number lives once: in a folder's ``metafile.yml`` (OpenMMLab's model-index format). Two keys of a
result say what it is worth: ``Source: published`` (a paper's number, with ``Reference``) or
``Source: measured`` (ours, with the ``Command`` and the ``Machine`` that gave it).
"""

from pathlib import Path
from typing import Any

import yaml

TABLE_START = '<!-- results: generated from metafile.yml by tools/dev/make_readmes.py -->'
TABLE_END = '<!-- results: end -->'
SOURCES = {'published': ('Reference',), 'measured': ('Command', 'Machine')}

_MODEL_KEYS = ('Name', 'In Collection', 'Config', 'Metadata')
_METADATA_KEYS = (
    'Training Data',
    'Backbone',
    'Neuron',
    'Steps',
    'Parameters',
    'Crop',
    'Batch Size',
)
#: How long a model is trained; one of them.
_BUDGETS = ('Iterations', 'Epochs')
_RESULT_KEYS = ('Task', 'Dataset', 'Metrics', 'Source')
_COLUMNS = ('Config', 'Neuron', 'T x D', 'Params (M)', 'Batch x iterations')
#: What the tables show of a result, by its task; in the notes stand all metrics.
_METRICS = {
    'Semantic Segmentation': 'mIoU',
    'Panoptic Segmentation': 'PQ',
    'Instance Segmentation': 'mask AP',
    'Object Detection': 'box AP',
}


class MetafileError(ValueError):
    """A metafile that lacks something; the message names the file and the key."""


def load_metafile(path: Path) -> dict[str, Any]:
    """Reads and checks one metafile.

    Args:
        path: a ``metafile.yml``.

    Returns:
        Its content; every model's ``Results`` is a list, empty where there is none.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding='utf-8'))
    except yaml.YAMLError as error:
        raise MetafileError(f'{path}: not valid YAML: {error}') from error
    _require(path, 'the file', content, ('Collections', 'Models'))
    collections = [c.get('Name') for c in content['Collections']]
    names: set[str] = set()
    for model in content['Models']:
        model.setdefault('Results', [])
        _check_model(path, model, collections)
        if model['Name'] in names:
            raise MetafileError(f'{path}: model {model["Name"]!r} stands there twice')
        names.add(model['Name'])
    return content


def _require(path: Path, where: str, content: Any, keys: tuple[str, ...]) -> None:
    if not isinstance(content, dict):
        raise MetafileError(f'{path}: {where} is {type(content).__name__}, expected a mapping')
    for key in keys:
        if key not in content:
            raise MetafileError(f'{path}: {where} has no {key!r}, expected {list(keys)}')


def _check_model(path: Path, model: dict[str, Any], collections: list[str]) -> None:
    where = f'model {model.get("Name")!r}'
    _require(path, where, model, _MODEL_KEYS)
    _require(path, f'{where}: Metadata', model['Metadata'], _METADATA_KEYS)
    if sum(key in model['Metadata'] for key in _BUDGETS) != 1:
        raise MetafileError(f'{path}: {where}: Metadata has not one of {list(_BUDGETS)}')
    if model['In Collection'] not in collections:
        raise MetafileError(
            f'{path}: {where} is in collection {model["In Collection"]!r}, expected one of '
            f'{collections}'
        )
    if not isinstance(model['Results'], list):
        raise MetafileError(f'{path}: {where}: Results is not a list')
    for result in model['Results']:
        _require(path, f'{where}: a result', result, _RESULT_KEYS)
        task, source = result['Task'], result['Source']
        metric = _METRICS.get(task)
        if metric not in result['Metrics']:
            raise MetafileError(
                f'{path}: {where}: Task is {task!r} with Metrics {sorted(result["Metrics"])}, '
                f'expected a task and its metric of {_METRICS}'
            )
        if source not in SOURCES:
            raise MetafileError(
                f'{path}: {where}: Source is {source!r}, expected one of {sorted(SOURCES)}'
            )
        _require(path, f'{where}: a {source} result', result, SOURCES[source])


def render_results(models: list[dict[str, Any]]) -> str:
    """Makes the Markdown tables of a README: one a data set, then what stands behind the numbers.

    Args:
        models: the models of a metafile.

    Returns:
        Markdown without a final newline.
    """
    notes: list[str] = []
    parts: list[str] = []
    for dataset in dict.fromkeys(m['Metadata']['Training Data'] for m in models):
        members = [m for m in models if m['Metadata']['Training Data'] == dataset]
        parts += [f'### {dataset}', '', *_table(members, notes), '']
    parts += notes or ['No results are recorded yet.']
    return '\n'.join(parts)


def _table(models: list[dict[str, Any]], notes: list[str]) -> list[str]:
    tasks = [result['Task'] for model in models for result in model['Results']]
    metrics = ', '.join(_METRICS[task] for task in _METRICS if task in tasks) or 'result'
    header = [*_COLUMNS, f'{metrics} (published)', f'{metrics} (measured here)']
    lines = ['| ' + ' | '.join(header) + ' |', '| ' + ' | '.join('---' for _ in header) + ' |']
    for model in models:
        meta = model['Metadata']
        cells = [
            f'[{model["Name"]}]({Path(model["Config"]).name})',
            meta['Neuron'],
            meta['Steps'],
            f'{meta["Parameters"] / 1e6:.2f}',
            f'{meta["Batch Size"]} x {_budget(meta)}',
            *(_cell(model, source, notes) for source in SOURCES),
        ]
        lines.append('| ' + ' | '.join(cells) + ' |')
    return lines


def _budget(meta: dict[str, Any]) -> str:
    return str(meta['Iterations']) if 'Iterations' in meta else f'{meta["Epochs"]} epochs'


def _cell(model: dict[str, Any], source: str, notes: list[str]) -> str:
    """The numbers of one source, each with the index of its note; a dash where there is none."""
    values = []
    for result in model['Results']:
        if result['Source'] == source:
            notes.append(_note(len(notes) + 1, model['Name'], result))
            values.append(f'{result["Metrics"][_METRICS[result["Task"]]]} [{len(notes)}]')
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
    """Puts a table between the markers of a README.

    Args:
        text: the README.
        table: what :func:`render_results` made.
        name: of the file, for the error.

    Returns:
        The new text.
    """
    before, start, rest = text.partition(TABLE_START)
    _, end, after = rest.partition(TABLE_END)
    if not start or not end:
        raise MetafileError(f'{name}: the markers {TABLE_START!r} and {TABLE_END!r} are missing')
    return f'{before}{start}\n\n{table}\n\n{end}{after}'


def stale_readmes(configs: Path) -> dict[Path, str]:
    """Compares each folder's README with its metafile.

    Args:
        configs: the folder ``configs``.

    Returns:
        README path -> the text that it should have, for those that differ.
    """
    stale = {}
    for metafile in sorted(configs.glob('*/metafile.yml')):
        readme = metafile.with_name('README.md')
        if not readme.is_file():
            raise MetafileError(f'{readme}: missing, beside {metafile}')
        text = readme.read_text(encoding='utf-8')
        wanted = update_readme(text, render_results(load_metafile(metafile)['Models']), str(readme))
        if wanted != text:
            stale[readme] = wanted
    return stale
