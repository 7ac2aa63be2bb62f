"""The report page, from made-up numbers: what it shows, and that it needs nothing else."""

import json
import re

import pytest
from read_page import ReadPage

from spikedense.report.charts import energy_chart, firing_charts, step_chart
from spikedense.report.page import render_page

PIXEL = (
    'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q'
    'DwADhgGAWjR9awAAAABJRU5ErkJggg=='
)
HOSTILE = 'a<b&"c"'


def neuron(name: str, part: str, state: str = 'normal', steps: int = 1) -> dict:
    return dict(
        name=name,
        part=part,
        state=state,
        D=2,
        mean=0.5,
        rate=0.25,
        zeros=0.6,
        saturated=0.1,
        per_step=[0.5] * steps,
        per_level=[0.4, 0.1],
        units=8,
        dead=1,
        always_on=0,
        elements=100,
    )


def totals(parameters: int) -> dict:
    counts = dict(dense_macs=4e9, macs=1e9, acs=2e9, sops=1.5e9, nonzero_macs=2e9)
    prices = dict(fp32=6.4, fp16=2.3, int8=None)
    return dict(**counts, parameters=parameters, energy_mj=prices, memory_bytes=dict(fp32=5e6))


@pytest.fixture
def report() -> dict:
    """A report with a hostile name in each place where a name may stand."""
    layer = dict(
        name=f'backbone.{HOSTILE}',
        operation='conv2d',
        part='backbone',
        counted_as='AC',
        neuron=None,
        mean=None,
        rate=None,
        zeros=None,
        parameters=12,
        **{key: 1e9 for key in ('dense_macs', 'acs', 'sops')},
        energy_mj=dict(fp32=0.9),
    )
    twin = dict(name=HOSTILE, macs=1e9, acs=0, energy_mj=dict(fp32=None, fp16=None, int8=0.2))
    parts = ('state', 'queries', 'buffer', 'streaming', 'materialised')
    memory = dict.fromkeys(parts, 131072.0)
    way = dict(mode='paper', attention='single', stem_times_T=True, macs=1e9, acs=2e9)
    return dict(
        title=dict(
            config=HOSTILE,
            checkpoint=f'{HOSTILE}.pth',
            options='',
            data='made up',
            versions=dict(torch='2'),
            date='today',
        ),
        headline=[dict(label=HOSTILE, value=0.123, kind='plain', unit='mJ')],
        accuracy=dict(
            source=HOSTILE, metrics={'mIoU': 12.34}, class_iou={HOSTILE: 56.78, 'sky': None}
        ),
        energy=dict(
            model='Net',
            spiking=True,
            parameters=1_000_000,
            T=2,
            D=2,
            image_size=[64, 96],
            images=3,
            source=HOSTILE,
            settings=dict(mode='paper', attention='single'),
            totals=totals(20),
            by_part={'backbone': totals(12), HOSTILE: totals(8)},
            by_settings=[dict(**way, energy_mj=dict(fp32=6.4, fp16=2.3, int8=0.3))],
            twins=[twin],
            attention_memory=dict(
                modules=[dict(name=HOSTILE, kind=HOSTILE, height=4, width=6, bytes=memory)],
                sum=memory,
            ),
            spikingjelly=[dict(name='theirs', energy_mj=dict(total=9.0, mac=1.0), remarks=['r'])],
            layers=[layer],
            assumptions=[f'assumed {HOSTILE}'],
        ),
        firing=dict(
            source=HOSTILE,
            summary=dict(
                neurons=2,
                silent_neurons=0,
                saturated_neurons=0,
                dead_units=0.125,
                mean_rate=0.25,
                saturated=0.1,
                counted=dict(units=16, dead=2, always_on=0, elements=200),
            ),
            alarms=[f'alarm {i} {HOSTILE}' for i in range(12)],
            neurons=[
                neuron(f'backbone.{HOSTILE}.neuron', 'backbone', steps=2),
                neuron('neck.neuron', 'neck', 'silent', steps=2),
            ],
        ),
        examples=[
            dict(
                image=f'{HOSTILE}.png',
                size=[64, 96],
                mean_rate=0.2,
                energy_mj=6.0,
                prediction=[{'class': HOSTILE, 'share': 1.0, 'color': [1, 2, 3]}],
            ),
            dict(image='b.jpg', size=[480, 640], mean_rate=None, energy_mj=1.0, prediction=[]),
        ],
        limits=[HOSTILE, 'theory'],
    )


PICTURES = [[dict(label='input', uri=PIXEL), dict(label='prediction', uri=PIXEL)]] * 2


def test_names_are_escaped(report: dict) -> None:
    html = render_page(report, PICTURES)
    assert '<b&' not in html
    page = ReadPage(html)
    assert 'b' not in [tag for tag, _ in page.tags]
    # Config, checkpoint (twice), source, class, part, twin, alarms, example...
    assert page.text.count(HOSTILE) > 20


def test_needs_no_other_file(report: dict) -> None:
    html = render_page(report, PICTURES)
    without_namespaces = re.sub(r'xmlns(:\w+)?="[^"]*"', '', html)
    for word in ('http://', 'https://', '@import', '<script', '<iframe', '//cdn'):
        assert word not in without_namespaces
    for tag, attributes in ReadPage(html).tags:
        for key in ('src', 'href', 'xlink:href', 'data', 'srcset'):
            assert attributes.get(key, '#').startswith(('#', 'data:')), (tag, attributes)
    assert not re.search(r'url\((?!#)', html)


def test_charts_are_elements_with_ids_of_their_own(report: dict) -> None:
    page = ReadPage(render_page(report, PICTURES))
    charts = [attributes for tag, attributes in page.tags if tag == 'svg']
    assert [chart['aria-label'] for chart in charts] == [
        'Energy by part of the model',
        'Firing rates and integers of backbone, neck',
        'Mean integer at each time step, by part',
    ]
    assert all(chart['role'] == 'img' for chart in charts)
    ids = [attributes['id'] for _, attributes in page.tags if 'id' in attributes]
    assert len(ids) == len(set(ids))
    targets = {a['xlink:href'][1:] for tag, a in page.tags if tag == 'use'}
    assert targets and targets <= set(ids)


def test_everything_is_told(report: dict) -> None:
    page = ReadPage(render_page(report, PICTURES))
    for words in (
        '12 firing alarms',
        '2 more',
        '12.34',
        '56.78',
        '64 × 96',
        'theirs',
        'theory',
        '131.1',
    ):
        assert words in page.text
    assert [a['src'] for tag, a in page.tags if tag == 'img'] == [PIXEL] * 4


def test_without_accuracy_neurons_and_examples(report: dict) -> None:
    bare = {**report, 'accuracy': None, 'firing': None, 'examples': []}
    bare['energy'] = {**report['energy'], 'spikingjelly': None, 'twins': []}
    bare['energy']['attention_memory'] = dict(modules=[], sum={})
    page = ReadPage(render_page(bare))
    assert 'Not measured' in page.text
    assert 'no spiking neuron' in page.text
    assert sum(tag == 'svg' for tag, _ in page.tags) == 1
    assert not any(tag == 'img' for tag, _ in page.tags)
    assert 'Memory of the attentions' not in page.text


def test_the_page_is_that_of_its_json(report: dict) -> None:
    again = json.loads(json.dumps(report, allow_nan=False))
    assert render_page(again, PICTURES) == render_page(report, PICTURES)


def test_bars_are_as_long_as_their_numbers() -> None:
    svg = energy_chart({'a': dict(MAC=1.0, AC=3.0), 'b': dict(MAC=0.0, AC=2.0)}, 'x')
    assert 'a: 3 mJ of ACs' in svg
    assert '66.7 %' in svg

    def width(gid: str) -> float:
        path = re.search(rf'<g id="x-{gid}">.*?d="([^"]*)"', svg, flags=re.DOTALL)
        xs = [float(x) for x in re.findall(r'[ML] (\S+) \S+', path[1])]
        return max(xs) - min(xs)

    assert width('AC-0') == pytest.approx(3 * width('MAC-0'), rel=1e-4)
    assert width('AC-1') == pytest.approx(2 * width('MAC-0'), rel=1e-4)


def test_long_networks_get_several_charts() -> None:
    rows = [neuron(f'backbone.{i}.neuron', 'backbone') for i in range(130)]
    rows += [neuron(f'neck.{i}.neuron', 'neck') for i in range(3)]
    charts = firing_charts(rows, 'firing')
    assert len(charts) == 3
    drawn = ''.join(charts)
    for row in rows:
        assert f'<title>{row["name"]}</title>' in drawn
    assert firing_charts([], 'firing') == []


def test_steps_are_weighted_by_elements() -> None:
    few, many = neuron('a.x', 'a'), neuron('a.y', 'a')
    few.update(per_step=[0.0, 2.0], elements=1)
    many.update(per_step=[1.0], elements=3)
    svg = step_chart([few, many], 'steps')
    assert 'aria-label="Mean integer at each time step, by part"' in svg
