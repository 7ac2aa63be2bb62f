"""The page of a report: HTML that needs no other file."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from spikedense.analysis.energy import PRICES
from spikedense.utils.html_page import page_template

from . import charts

_WORST = 10


def render_page(
    report: Mapping[str, Any], pictures: Sequence[Sequence[Mapping[str, str]]] = ()
) -> str:
    """Write a report as HTML.

    Args:
        report: What :func:`spikedense.report.report.make_report` returns.
        pictures: The pictures of each example, each one with ``label`` and ``uri`` (a ``data:``
            address).

    Returns:
        The page.
    """
    template = page_template('spikedense.report', 'report.html.j2')
    examples = list(zip(report['examples'], pictures, strict=True)) if pictures else []
    return template.render(
        **report,
        charts=_charts(report),
        worst=_worst(report['firing']),
        worst_shown=_WORST,
        shown=examples,
        legend=charts.STATE_COLORS,
    )


def _charts(report: Mapping[str, Any]) -> dict[str, Any]:
    """Draw the charts, as HTML that is not escaped."""
    parts = {
        name: {
            'MAC': total['macs'] * PRICES['fp32'].mac * 1e-9,
            'AC': total['acs'] * PRICES['fp32'].ac * 1e-9,
        }
        for name, total in report['energy']['by_part'].items()
    }
    drawn: dict[str, Any] = dict(energy=Markup(charts.energy_chart(parts, 'energy')))
    neurons = report['firing']['neurons'] if report['firing'] else []
    drawn['firing'] = [Markup(svg) for svg in charts.firing_charts(neurons, 'firing')]
    several = max((len(neuron['per_step']) for neuron in neurons), default=1) > 1
    drawn['steps'] = Markup(charts.step_chart(neurons, 'steps')) if several else None
    return drawn


def _worst(firing: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """Return the neurons with units that carry no information, the worst first."""
    if not firing:
        return []

    def badness(neuron: Mapping[str, Any]) -> float:
        units = neuron['units']
        return max(neuron['dead'] / units, neuron['always_on'] / units, neuron['saturated'])

    flawed = [n for n in firing['neurons'] if n['dead'] or n['always_on'] or n['saturated']]
    return sorted(flawed, key=badness, reverse=True)
