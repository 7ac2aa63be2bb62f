"""The energy report of a model as tables for the terminal."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

GIGA = 1e9
#: What the columns of the tables mean.
KEY = (
    'GMAC: 10^9 multiplications with addition; dense: if each input were a real number.',
    'GAC: 10^9 additions in the chosen mode; GSOP: 10^9 additions that spikes cause, exactly.',
    'n: mean integer that a neuron sends; rate: n / D; zeros: share of integers that are 0.',
    'as: how a layer is counted; MB, kB and mJ: memory and energy for numbers of that type.',
)


def print_energy(report: dict[str, Any], console: Console, layers: int = 12) -> None:
    """Print an energy report.

    Args:
        report: What :func:`spikedense.analysis.energy_report.energy_report` returned.
        console: Where to print.
        layers: Number of layers to show, those that cost most; 0 shows all layers.
    """
    height, width = report['image_size']
    title = f'{report["model"]}, T={report["T"]}, D={report["D"]}, {height} x {width}'
    console.print(f'[bold]{title}[/], {report["parameters"] / 1e6:.3f} M parameters')
    console.print(_parts(report))
    console.print(_layers(report, layers))
    for line in KEY:
        console.print(line, highlight=False)
    console.print(_counting(report))
    attention = report['attention_macs']
    if attention['linear']:
        console.print(
            f'attention products, dense GMAC: {attention["linear"] / GIGA:.4f} as q(k^T v), '
            f'{attention["quadratic"] / GIGA:.4f} as (q k^T)v'
        )
    if report['attention_memory']['modules']:
        console.print(_attention_memory(report['attention_memory']))
    if report.get('peak_memory'):
        console.print(_peak(report['peak_memory']), highlight=False)
    if report['twins']:
        console.print(_twins(report))
    if report.get('spikingjelly'):
        console.print(_spikingjelly(report['spikingjelly']))
    console.print('[bold]What was assumed[/]')
    for sentence in report['assumptions']:
        console.print(f'- {sentence}', highlight=False)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify='left')
    for i, column in enumerate(columns):
        table.add_column(column, justify='left' if i == 0 else 'right', overflow='fold')
    return table


def _millijoule(value: float | None) -> str:
    return '-' if value is None else f'{value:.4g}'


def _parts(report: dict[str, Any]) -> Table:
    settings = report['settings']
    table = _table(
        f'An image, mode {settings["mode"]}, attention {settings["attention"]}',
        *('part', 'dense GMAC', 'GMAC', 'GAC', 'GSOP', 'parameters (M)', 'MB (fp32)', 'mJ (fp32)'),
    )
    rows = [*report['by_part'].items(), ('all', report['totals'])]
    for name, total in rows:
        table.add_row(
            name,
            *(f'{total[key] / GIGA:.4f}' for key in ('dense_macs', 'macs', 'acs', 'sops')),
            f'{total["parameters"] / 1e6:.3f}',
            f'{total["memory_bytes"]["fp32"] / 1e6:.2f}',
            _millijoule(total['energy_mj']['fp32']),
        )
    return table


def _layers(report: dict[str, Any], number: int) -> Table:
    rows: Sequence[dict[str, Any]] = report['layers']
    title = 'Layers'
    if number and number < len(rows):
        rows = sorted(rows, key=lambda row: -row['energy_mj']['fp32'])[:number]
        title = f'The {number} layers that cost most, of {len(report["layers"])}'
    columns = ('layer', 'as', 'dense GMAC', 'GAC', 'GSOP', 'parameters', 'kB (fp32)', 'n', 'rate')
    table = _table(title, *columns, 'zeros', 'mJ (fp32)')
    for row in rows:
        table.add_row(
            row['name'],
            row['counted_as'],
            *(f'{row[key] / GIGA:.4f}' for key in ('dense_macs', 'acs', 'sops')),
            str(row['parameters']),
            f'{row["memory_bytes"]["fp32"] / 1e3:.0f}',
            *('-' if row[key] is None else f'{row[key]:.3f}' for key in ('mean', 'rate', 'zeros')),
            _millijoule(row['energy_mj']['fp32']),
        )
    return table


def _counting(report: dict[str, Any]) -> Table:
    columns = ('ways of counting', 'GMAC', 'GAC', 'mJ fp32', 'mJ fp16', 'mJ int8')
    table = _table('The same run, counted and priced in several ways', *columns)
    for row in report['by_settings']:
        stem = ', first layer x T' if row['stem_times_T'] else ''
        table.add_row(
            f'{row["mode"]}, attention {row["attention"]}{stem}',
            f'{row["macs"] / GIGA:.4f}',
            f'{row["acs"] / GIGA:.4f}',
            *(_millijoule(value) for value in row['energy_mj'].values()),
        )
    return table


def _twins(report: dict[str, Any]) -> Table:
    table = _table(
        'Comparison with other networks', 'network', 'GMAC', 'GAC', 'mJ fp32', 'mJ fp16', 'mJ int8'
    )
    for row in report['twins']:
        table.add_row(
            row['name'],
            f'{row["macs"] / GIGA:.4f}',
            f'{row["acs"] / GIGA:.4f}',
            *(_millijoule(value) for value in row['energy_mj'].values()),
        )
    return table


def _attention_memory(found: dict[str, Any]) -> Table:
    table = _table(
        'Memory of the attentions in kB, for one image and one time step',
        *('attention', 'map', 'state', 'queries', 'buffer', 'streaming', 'materialised'),
    )
    parts = ('state', 'queries', 'buffer', 'streaming', 'materialised')
    for row in found['modules']:
        size = f'{row["height"]} x {row["width"]}'
        numbers = (f'{row["bytes"][key] / 1e3:.2f}' for key in parts)
        table.add_row(f'{row["name"]} ({row["kind"]})', size, *numbers)
    table.add_section()
    largest = {way: f'{row["bytes"] / 1e3:.2f}' for way, row in found['largest'].items()}
    table.add_row('the largest one', '', *(largest.get(key, '') for key in parts))
    table.add_row('all together', '', *(f'{found["sum"][key] / 1e3:.2f}' for key in parts))
    return table


def _peak(peak: dict[str, Any]) -> str:
    return (
        f'measured peak of a forward pass of the {peak["part"]} in a new process: '
        f'{peak["forward_mib"]:.0f} MiB, of these {peak["built_mib"]:.0f} MiB before the pass '
        '(libraries, weights, image); torch keeps each spike as a real value'
    )


def _spikingjelly(rows: Sequence[dict[str, Any]]) -> Table:
    table = _table('SpikingJelly, on the spike-driven twin', 'model', 'mJ', 'made of', 'remarks')
    for row in rows:
        parts = dict(row['energy_mj'] or {})
        total = parts.pop('total', None)
        remarks = row['remarks']
        more = f' (and {len(remarks) - 1} more)' if len(remarks) > 1 else ''
        table.add_row(
            row['name'],
            _millijoule(total),
            ', '.join(f'{key} {_millijoule(value)}' for key, value in parts.items()),
            f'{remarks[0]}{more}' if remarks else '',
        )
    return table
