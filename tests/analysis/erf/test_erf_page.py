"""The page of effective receptive fields, also in a browser."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from made_up_fields import HOSTILE, made_up
from read_page import ReadPage

from spikedense.analysis.erf.figures import all_plots
from spikedense.analysis.erf.page import LIMITS, write_page
from spikedense.analysis.erf.result import ERFResult
from spikedense.errors import UserError

_REACH = dict(share=0.3, mean_distance=2.5, entropy=0.875)
_ATTENTION = dict(name=f'attn.{HOSTILE}', kind='SSA', height=4, width=5, empty=0.1)
DISTANCE = dict(
    radius=5,
    images=7,
    source=HOSTILE,
    attentions=[
        dict(_ATTENTION, mean=_REACH, uniform=_REACH),
        dict(_ATTENTION, mean=None, uniform=_REACH),
    ],
    mean=_REACH,
    uniform=_REACH,
    refused={'other': HOSTILE},
)


@pytest.fixture(scope='module')
def results() -> list[ERFResult]:
    neurons = {HOSTILE: '3 neurons, gradient: window 0 <= U <= 4', 'LIF': '1 neuron'}
    hostile = made_up(HOSTILE, ['stage1', HOSTILE], inputs=HOSTILE, neurons=neurons)
    return [made_up('a model with a name that is long', distance=DISTANCE), hostile]


@pytest.fixture(scope='module')
def page(results: list[ERFResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(results, tmp_path_factory.mktemp('erf') / 'new')


def test_everything_is_told(page: Path, results: list[ERFResult]) -> None:
    assert [file.name for file in page.parent.iterdir()] == ['erf.html']
    html = page.read_text()
    found = ReadPage(html)
    plots = all_plots(results)
    charts = [attributes for tag, attributes in found.tags if tag == 'svg']
    assert [chart['aria-label'] for chart in charts] == [plot.title for plot in plots]
    for plot in plots:
        assert plot.caption in found.text and f'{plot.name}.pdf' in found.text
    for key in results[0].metrics('stage0'):
        assert key in found.text
    for words in (*LIMITS, 'sum', 'last', '16 × 20', 'window 0 <= U <= 4', '0.875', '4 × 5'):
        assert words in found.text
    ids = [attributes['id'] for _, attributes in found.tags if 'id' in attributes]
    assert len(ids) == len(set(ids))
    assert 'b' not in [tag for tag, _ in found.tags]
    assert found.text.count(HOSTILE) > 20


def test_needs_no_other_file(page: Path) -> None:
    html = page.read_text()
    without_namespaces = re.sub(r'xmlns(:\w+)?="[^"]*"', '', html)
    for word in ('http://', 'https://', '@import', '<script', '<iframe', '//cdn'):
        assert word not in without_namespaces
    for tag, attributes in ReadPage(html).tags:
        for key in ('src', 'href', 'xlink:href', 'data', 'srcset'):
            assert (attributes.get(key) or '#').startswith(('#', 'data:')), (tag, key)


def test_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match='0 results'):
        write_page([], tmp_path / 'out')
    assert not list(tmp_path.iterdir())
    (tmp_path / 'erf.html').write_text('older')
    monkeypatch.setattr('spikedense.analysis.erf.page.render_page', lambda results: '\udc00')
    with pytest.raises(UnicodeEncodeError):
        write_page([made_up('a', ['x'])], tmp_path)
    assert [file.read_text() for file in tmp_path.iterdir()] == ['older']


@pytest.fixture
def opened(browser: Any, page: Path, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The browser with the page, in a window of a width."""
    size = dict(width=request.param, height=900, deviceScaleFactor=1, mobile=False)
    browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', size)
    browser.get(page.as_uri())
    yield browser
    browser.execute_cdp_cmd('Emulation.clearDeviceMetricsOverride', {})


@pytest.mark.parametrize('opened', [400, 1280], indirect=True)
def test_in_a_browser(opened: Any, results: list[ERFResult]) -> None:
    assert opened.get_log('browser') == []
    fetched = opened.execute_script(
        "return performance.getEntriesByType('resource').map(entry => entry.name);"
    )
    assert all(name.startswith('data:') for name in fetched)
    scrolled, visible = opened.execute_script(
        'const root = document.documentElement; return [root.scrollWidth, root.clientWidth];'
    )
    assert scrolled <= visible
    charts = opened.execute_script(
        """return [...document.querySelectorAll('svg.chart')].map(svg => {
            const box = svg.getBoundingClientRect();
            const drawn = element => element.getBoundingClientRect();
            const boxes = [...svg.querySelectorAll('text')].map(drawn);
            return {width: box.width, left: box.left, right: box.right, texts: boxes.length,
                    first: Math.min(...boxes.map(text => text.left)),
                    last: Math.max(...boxes.map(text => text.right))};
        });"""
    )
    assert len(charts) == len(all_plots(results))
    for chart in charts:  # drawn, and no text is cut at the edge
        assert chart['width'] > 300 and chart['texts'] > 4
        assert chart['left'] <= chart['first'] and chart['last'] <= chart['right'] + 1
