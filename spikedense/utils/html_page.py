"""What the HTML pages share: the style, the way to write numbers, and charts inside the page.

The pages need no other file. Their templates extend ``page.html.j2`` of this folder.
"""

import html
import io
import re
from collections.abc import Mapping
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

_NONE = '–'


def page_template(package: str, name: str) -> Template:
    """Return the template of a page. It escapes all text.

    Args:
        package: The package with the template, as ``'spikedense.report'``.
        name: File name of the template.
    """
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, '.'), PackageLoader('spikedense.utils', '.')]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters.update(number=number, breakable=breakable)
    return environment.get_template(name)


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


def inline_svg(figure: Any, key: str, label: str, titles: Mapping[str, str]) -> str:
    """Return a figure of matplotlib as an SVG element for a page with several such elements.

    Args:
        figure: The figure.
        key: A prefix for all ids, because matplotlib uses the same ids in each figure.
        label: The text for a screen reader.
        titles: Id of an artist -> the text that it shows under the mouse.
    """
    # It takes a second to import, and the rest of this module does not need it.
    from matplotlib import rc_context

    text = io.StringIO()
    with rc_context({'svg.hashsalt': key}):
        figure.savefig(text, format='svg', metadata={'Date': None})
    svg = text.getvalue()
    svg = svg[svg.index('<svg') :].strip()
    # The style sheet would apply to the whole page, and the metadata contains addresses.
    svg = re.sub(r'<metadata>.*?</metadata>', '', svg, flags=re.DOTALL)
    svg = re.sub(r'<style\b.*?</style>', '', svg, flags=re.DOTALL)
    svg = re.sub(r'<!--.*?-->', '', svg, flags=re.DOTALL)
    # Equal pictures have equal ids, and nothing refers to these ids.
    svg = re.sub(r' id="image[0-9a-f]+"', '', svg)
    svg = re.sub(r'(font: [^;"]*?px |font-family: )[^;"]*', r'\1system-ui, sans-serif', svg)
    for gid, title in titles.items():
        opening = f'<g id="{gid}">'
        svg = svg.replace(opening, f'{opening}<title>{html.escape(title)}</title>', 1)
    svg = re.sub(r'(\bid="|url\(#|xlink:href="#)', rf'\g<1>{key}-', svg)
    attributes = f'class="chart" role="img" aria-label="{html.escape(label)}"'
    return svg.replace('<svg', f'<svg {attributes}', 1)
