"""The page of a report: HTML that needs no other file."""

from collections.abc import Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from spikedense.analysis.energy import PRICES

from . import charts

_WORST = 10
_NONE = '–'


def number(value: float | None, kind: str = 'plain') -> str:
    """Return a number as the page writes it.

    Args:
        value: The number; None becomes a dash.
        kind: ``'plain'``, ``'count'``, ``'mega'`` or ``'giga'`` (in millions or billions), or
            ``'percent'`` (of a share).
    """
    if value is None:
        return _NONE
    if kind == 'count':
        return f'{round(value):,}'
    if kind == 'percent':
        return f'{100 * value:.2f} %'
    value = value / {'plain': 1, 'mega': 1e6, 'giga': 1e9}[kind]
    return '0' if value == 0 else f'{value:.4g}' if abs(value) < 1e4 else f'{value:,.0f}'


def breakable(name: str) -> Markup:
    """Return a dotted name in which a line may break after each dot.

    Args:
        name: Name of a module.
    """
    return Markup('.<wbr>').join(name.split('.'))


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
    environment = Environment(
        loader=PackageLoader('spikedense.report', '.'),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(number=number, breakable=breakable)
    template = environment.get_template('report.html.j2')
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
