"""The distances of the attentions of a model as a table for the terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table

#: What the columns of the table mean.
KEY = (
    'share: part of the weights on tokens within the Manhattan distance; '
    'distance: mean Manhattan distance in tokens;',
    'entropy: divided by log N, 1 is uniform. Numbers are means over the heads ± the deviation '
    'between heads.',
    'Beside each number: the value of uniform attention on the same grid. '
    'empty: queries without any weight, which are left out.',
)


def print_distances(report: dict[str, Any], console: Console) -> None:
    """Print the distances of the attentions.

    Args:
        report: What :func:`spikedense.analysis.distance_report.distance_report` returned.
        console: Where to print.
    """
    height, width = report['image_size']
    console.print(f'[bold]{report["model"]}, {height} x {width}[/]')
    table = Table(title='How far the attentions look', title_justify='left')
    columns = ('grid', f'share <= {report["radius"]}', 'uniform', 'distance', 'uniform', 'entropy')
    table.add_column('attention', overflow='fold')
    for column in (*columns, 'empty'):
        table.add_column(column, justify='right')
    for row in report['attentions']:
        numbers = _numbers(row['mean'], row['uniform'], row['spread'])
        table.add_row(
            f'{row["name"]} ({row["kind"]})',
            f'{row["height"]} x {row["width"]}',
            *numbers,
            f'{100 * row["empty"]:.1f} %',
        )
    table.add_section()
    table.add_row('mean', '', *_numbers(report['mean'], report['uniform'], None), '')
    console.print(table)
    for line in KEY:
        console.print(line, highlight=False)
    for name, reason in report['refused'].items():
        console.print(f"not measured: '{name}': {reason}", highlight=False, markup=False)
    console.print(f'Measured over {report["images"]} image(s): {report["source"]}.')


def _numbers(
    mean: dict[str, float] | None, uniform: dict[str, float], spread: dict[str, float] | None
) -> list[str]:
    def number(key: str, factor: float, digits: int, unit: str) -> str:
        if mean is None:
            return '-'
        more = '' if spread is None else f' ± {factor * spread[key]:.{digits}f}'
        return f'{factor * mean[key]:.{digits}f}{more}{unit}'

    return [
        number('share', 100, 1, ' %'),
        f'{100 * uniform["share"]:.1f} %',
        number('mean_distance', 1, 2, ''),
        f'{uniform["mean_distance"]:.2f}',
        number('entropy', 1, 3, ''),
    ]
