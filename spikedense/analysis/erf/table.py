"""The receptive fields of several models as a table for the terminal."""

import math
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from .result import ERFResult

#: Name of a number -> head of its column, digits.
_SPACE = {
    'area@0.5': ('area@0.5', 3),
    'mass_area@0.5': ('mass_area@0.5', 3),
    'rms_radius': ('radius', 1),
    'entropy_ratio': ('entropy', 3),
    'drift': ('drift', 1),
}
_TIME = {'memory': ('memory', 2), 'half_life': ('half-life', 0)}

#: What the columns of the table mean.
KEY = (
    'area@0.5: part of the image in the smallest centred square with half of the gradient; '
    'mass_area@0.5: the same for pixels at any place;',
    'radius: root mean square distance from the centre, and drift of the centroid, in pixels; '
    'entropy: 1 is a field that sees all pixels equally;',
    'memory: mean delay in time steps; half-life: first delay with half of the gradient of '
    'delay 0.',
)


def print_fields(results: Sequence[ERFResult], console: Console) -> None:
    """Print the main numbers of each layer of each model.

    Args:
        results: The fields.
        console: Where to print.
    """
    columns = {**_SPACE, **(_TIME if any(one.has_delays for one in results) else {})}
    table = Table(title='Effective receptive fields', title_justify='left')
    for head in ('model', 'layer'):
        table.add_column(head, overflow='fold')
    for head in ('map', *(head for head, _ in columns.values())):
        table.add_column(head, justify='right')
    for result in results:
        for layer in result.maps:
            numbers = result.metrics(layer)
            row = [_number(numbers.get(key), digits) for key, (_, digits) in columns.items()]
            height, width = result.sizes[layer]
            table.add_row(result.model, layer, f'{height} x {width}', *row)
        table.add_section()
    console.print(table)
    for line in KEY:
        console.print(line, highlight=False)
    for result in results:
        console.print(
            f'{result.model}: {result.num_images} image(s) of {result.inputs}; '
            + (
                '; '.join(f'{name}, {what}' for name, what in result.neurons.items()) or 'no spikes'
            ),
            highlight=False,
            markup=False,
        )


def _number(value: float | None, digits: int) -> str:
    if value is None or math.isnan(value):
        return '-'
    return 'none' if math.isinf(value) else f'{value:.{digits}f}'
