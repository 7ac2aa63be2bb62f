"""The page of effective receptive fields: HTML that needs no other file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from spikedense.utils.files import write_file
from spikedense.utils.html_page import page_template
from spikedense.version import __version__

from .figures import all_plots
from .result import ERFResult
from .wording import metric_text

#: Name of the page in its folder.
PAGE_FILE = 'erf.html'
#: What a reader has to know before drawing a conclusion from a map.
LIMITS = (
    'The gradients are surrogate gradients. A spike has no derivative: each neuron puts another '
    'function in its place, and a map shows which inputs that function connects to the output. '
    'Another surrogate, or another width of its window, gives another map of the same network.',
    "With the stimulus 'sum', the channels of the output are added before the absolute value is "
    'taken, so that contributions of opposite sign cancel: a dark pixel may still matter to each '
    'channel. The mean over many images, taken after the absolute value, weakens this; '
    "'random_sign' avoids it on average.",
    'A gradient is local. It tells how the output answers to a small change of one pixel of these '
    'inputs, not how much of the image the network uses to decide. On noise, the fields may differ '
    'from those on images.',
    'The fields are those of one position of the output, the centre. Near the border of the image, '
    'and in networks that are not equal at all positions, other positions have other fields.',
    'All numbers are computed on the raw maps. The scales of the pictures only make them visible: '
    'on the logarithmic and on the rank scale a field looks wider than on the linear one.',
)


def write_page(results: Sequence[ERFResult], folder: str | Path) -> Path:
    """Write a page with all figures, numbers and assumptions, completely or not at all.

    Equal results give equal pages.

    Args:
        results: One result for each model.
        folder: The folder; it is created if it is missing.

    Returns:
        The page, ``erf.html``.

    Raises:
        UserError: See :func:`spikedense.analysis.erf.figures.all_plots`; or the disk is full or
            read-only.
    """
    html = render_page(results)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_file(folder / PAGE_FILE, html)
    return folder / PAGE_FILE


def render_page(results: Sequence[ERFResult]) -> str:
    """Return the page.

    Args:
        results: One result for each model.

    Raises:
        UserError: See :func:`spikedense.analysis.erf.figures.all_plots`.
    """
    plots = all_plots(results)
    drawn: list[dict[str, Any]] = [
        dict(plot=plot, svg=Markup(plot.svg(f'p{i}'))) for i, plot in enumerate(plots)
    ]
    return page_template('spikedense.analysis.erf', 'erf.html.j2').render(
        version=__version__,
        results=results,
        sections=[
            (result, [one for one in drawn if one['plot'].model == result.model])
            for result in results
        ],
        comparisons=[one for one in drawn if one['plot'].model is None],
        facts=_facts(results),
        numbers={result.model: _numbers(result) for result in results},
        limits=LIMITS,
    )


def _facts(results: Sequence[ERFResult]) -> dict[str, list[list[str]]]:
    """Return the assumptions: name -> the lines of each model."""
    rows: dict[str, list[list[str]]] = {}
    for result in results:
        steps, height, width = next(iter(result.maps.values())).shape
        facts = {
            'inputs': [result.inputs],
            'number of inputs': [str(result.num_images)],
            'size of an input': [f'{height} × {width}'],
            'time steps of the input': [str(steps)],
            'stimulus: time steps of the output': [str(result.t_out)],
            'stimulus: channels': [result.reduce],
            'neurons and surrogates': [f'{name}: {text}' for name, text in result.neurons.items()],
        }
        for name, lines in facts.items():
            rows.setdefault(name, []).append(lines or ['none'])
    return rows


def _numbers(result: ERFResult) -> list[tuple[str, list[str]]]:
    """Return the rows of the table of a model: name -> a text for each layer."""
    found = {layer: result.metrics(layer) for layer in result.maps}
    rows = [
        ('map of the layer', ['{} × {}'.format(*result.sizes[layer]) for layer in found]),
        ('centre (row, column)', ['{}, {}'.format(*result.centers[layer]) for layer in found]),
    ]
    keys = dict.fromkeys(key for metrics in found.values() for key in metrics)
    for key in keys:
        rows.append((key, [metric_text(key, metrics[key]) for metrics in found.values()]))
    return rows
