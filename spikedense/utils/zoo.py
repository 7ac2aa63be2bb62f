"""Writes the index of all models, one table for each task, from the metafiles and the configs."""

from pathlib import Path
from typing import Any

from spikedense.utils.config_facts import ConfigFacts, read_facts
from spikedense.utils.metafile import METRICS, load_metafile

_COLUMNS = ('Config', 'Method', 'Data', 'Neuron', 'T x D', 'Params (M)', 'Published', 'Measured')
_HEAD = """# Models

All configs, generated from `configs/*/metafile.yml` and the configs by `tools/dev/make_readmes.py`.
"Published" is the number of a paper, "measured" is ours. The README of a folder names the source or
the command and the machine of each number, and what the published runs started from. T is the
number of time steps, D the largest integer that a neuron sends in a step.
"""


def render_zoo(configs: Path) -> str:
    """Make the page.

    Args:
        configs: The folder ``configs``.

    Returns:
        Markdown with a final newline. Links are relative to the folder ``docs`` beside it.

    Raises:
        UserError: If a config or a key of a metafile is missing.
    """
    rows: dict[str, list[str]] = {task: [] for task in METRICS}
    for metafile in sorted(configs.glob('*/metafile.yml')):
        content = load_metafile(metafile)
        folder = metafile.parent
        for model in content['Models']:
            facts = read_facts(folder / f'{model["Name"]}.py')
            rows[facts.task].append(_row(folder.name, model, facts))
    parts = [_HEAD]
    for task, lines in rows.items():
        if lines:
            parts.append(f'## {task} ({METRICS[task]})\n')
            parts.append('| ' + ' | '.join(_COLUMNS) + ' |')
            parts.append('| ' + ' | '.join('---' for _ in _COLUMNS) + ' |')
            parts += [*sorted(lines, key=str.lower), '']
    return '\n'.join(parts)


def _row(folder: str, model: dict[str, Any], facts: ConfigFacts) -> str:
    name = model['Name']
    cells = [
        f'[{name}](../configs/{folder}/{name}.py)',
        f'[{folder}](../configs/{folder}/README.md)',
        facts.data,
        facts.neuron,
        facts.steps,
        f'{model["Metadata"]["Parameters"] / 1e6:.2f}',
        *(_numbers(model, source, METRICS[facts.task]) for source in ('published', 'measured')),
    ]
    return '| ' + ' | '.join(cells) + ' |'


def _numbers(model: dict[str, Any], source: str, metric: str) -> str:
    """Return the values of the task's metric from one source; a dash for none."""
    found = [result for result in model['Results'] if result['Source'] == source]
    values = [str(result['Metrics'][metric]) for result in found if metric in result['Metrics']]
    return ', '.join(values) or '-'
