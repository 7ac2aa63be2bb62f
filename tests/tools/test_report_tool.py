"""The report page of a tiny checkpoint, made by the tool and opened in a browser."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from browser import BROWSER_WIDTH
from mmengine.config import Config
from mmseg.models import EncoderDecoder
from selenium import webdriver
from tool_configs import SIZE, load_tool

from spikedense.checks.model import build_model
from spikedense.utils.html_page import number


@pytest.fixture(scope='module')
def report_tool(repo_root: Path) -> Callable[[list[str]], dict]:
    return load_tool(repo_root / 'tools' / 'analysis_tools' / 'report.py').main


@pytest.fixture(scope='module')
def page(
    trained: tuple[str, str], report_tool: Callable, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The report of a trained segmenter on its test set."""
    out = tmp_path_factory.mktemp('report') / 'report.html'
    report_tool([*trained, '--out', str(out), '--num-images', '2', '--examples', '2'])
    return out


@pytest.fixture(scope='module')
def numbers(page: Path) -> dict[str, Any]:
    """What the JSON beside the page says."""
    return json.loads(page.with_suffix('.json').read_text())


@pytest.fixture
def opened(browser: webdriver.Chrome, page: Path) -> webdriver.Chrome:
    """The browser, with the page in it."""
    browser.get(page.as_uri())
    return browser


def test_json_has_the_numbers(numbers: dict, trained: tuple[str, str]) -> None:
    assert set(numbers) == {
        *('title', 'headline', 'accuracy', 'energy', 'firing', 'examples', 'limits')
    }
    assert numbers['title']['checkpoint'] == Path(trained[1]).name
    assert {'mIoU', 'aAcc', 'mAcc'} <= set(numbers['accuracy']['metrics'])
    of_classes = numbers['accuracy']['class_iou']
    known = [value for value in of_classes.values() if value is not None]
    assert len(of_classes) == 9
    mean = numbers['accuracy']['metrics']['mIoU']
    assert sum(known) / len(known) == pytest.approx(mean, abs=0.01)
    assert numbers['energy']['image_size'] == list(Config.fromfile(trained[0]).crop_size)
    assert numbers['energy']['images'] == len(numbers['examples']) == 2
    assert len(numbers['energy']['twins']) == 4
    assert 'base64' not in json.dumps(numbers)


def test_energy_of_the_whole_is_that_of_its_images(numbers: dict) -> None:
    # The same two images were counted together and shown as examples.
    each = [example['energy_mj'] for example in numbers['examples']]
    assert sum(each) / 2 == pytest.approx(numbers['energy']['totals']['energy_mj']['fp32'])
    assert all(0 < example['mean_rate'] < 1 for example in numbers['examples'])


def test_the_model_is_built_once(
    trained: tuple[str, str],
    report_tool: Callable,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    built, build = [], EncoderDecoder.__init__

    def count(model: EncoderDecoder, *args: Any, **options: Any) -> None:
        built.append(model)
        build(model, *args, **options)

    monkeypatch.setattr(EncoderDecoder, '__init__', count)
    options = ['--num-images', '1', '--examples', '1']
    report_tool([*trained, '--out', str(tmp_path / 'report.html'), *options])
    assert len(built) == 1


def test_leaves_nothing_else(page: Path) -> None:
    assert sorted(file.name for file in page.parent.iterdir()) == ['report.html', 'report.json']


def test_charts_are_drawn(opened: webdriver.Chrome) -> None:
    charts = opened.execute_script(
        """return [...document.querySelectorAll('svg.chart')].map(svg => {
            const box = svg.getBoundingClientRect();
            const drawn = element => element.getBoundingClientRect();
            const bars = [...svg.querySelectorAll('path')].map(drawn);
            const texts = [...svg.querySelectorAll('text')].map(
                text => ({left: drawn(text).left, right: drawn(text).right,
                          said: text.textContent}));
            return {label: svg.getAttribute('aria-label'), left: box.left, right: box.right,
                    width: box.width, height: box.height, texts,
                    bars: bars.filter(bar => bar.width > 1 && bar.height > 1).length};
        });"""
    )
    assert len(charts) >= 2
    for chart in charts:
        assert chart['width'] > 100
        assert chart['height'] > 50
        assert chart['bars'] > 2
        assert len([text for text in chart['texts'] if text['said'].strip()]) > 4
        for text in chart['texts']:  # no name is cut at the edge
            assert chart['left'] <= text['left']
            assert text['right'] <= chart['right'] + 1


def test_images_are_loaded(opened: webdriver.Chrome) -> None:
    widths = opened.execute_script('return [...document.images].map(image => image.naturalWidth);')
    assert widths == [SIZE[1]] * 6  # input, truth and prediction of two examples


def test_no_error_and_nothing_fetched(opened: webdriver.Chrome, page: Path) -> None:
    assert opened.get_log('browser') == []
    fetched = opened.execute_script(
        "return performance.getEntriesByType('resource').map(entry => entry.name);"
    )
    assert all(name.startswith('data:') for name in fetched)


def test_fits_the_window(opened: webdriver.Chrome) -> None:
    for unfold in (False, True):
        opened.execute_script(
            'document.querySelectorAll("details").forEach(box => box.open = arguments[0]);', unfold
        )
        scrolled, visible = opened.execute_script(
            'const root = document.documentElement; return [root.scrollWidth, root.clientWidth];'
        )
        assert BROWSER_WIDTH - 100 < visible <= BROWSER_WIDTH
        assert scrolled <= visible


def test_tables_have_the_headline(opened: webdriver.Chrome, numbers: dict) -> None:
    cells = opened.execute_script(
        'return [...document.querySelectorAll("td")].map(cell => cell.textContent.trim());'
    )
    shown = opened.execute_script(
        'return [...document.querySelectorAll("#headline .value")].map(card => card.textContent);'
    )
    labels = [figure['label'] for figure in numbers['headline']]
    assert {'mIoU', 'parameters', 'mean firing rate', 'dead units'} <= set(labels)
    for figure, card in zip(numbers['headline'], shown, strict=True):
        text = number(figure['value'], figure['kind'])
        assert card.split()[0] == text
        assert text in cells
    assert number(numbers['accuracy']['metrics']['mIoU']) in cells


def test_files_without_truth(
    trained: tuple[str, str], report_tool: Callable, demo_root: Path, tmp_path: Path
) -> None:
    out = tmp_path / 'files.html'
    words = ['--data', str(demo_root / 'images' / 'val'), '--num-images', '3', '--examples', '1']
    words += ['--spikingjelly', '--mode', 'strict', '--shape', '64', '96']
    report = report_tool([*trained, '--out', str(out), *words])
    assert report['accuracy'] is None
    assert report['energy']['settings']['mode'] == 'strict'
    assert report['energy']['image_size'] == [64, 96]
    assert len(report['energy']['spikingjelly']) == 3
    assert report['firing']['source'].endswith('(3 images)')
    assert len(report['examples']) == 1
    assert 'Not measured' in out.read_text()


def test_an_ann_has_no_firing(
    trained: tuple[str, str],
    report_tool: Callable,
    tmp_path: Path,
    capsys: pytest.CaptureFixture,
) -> None:
    cfg = Config.fromfile(trained[0])
    for part in ('backbone', 'neck', 'decode_head'):
        cfg.model[part].neuron_cfg = dict(type='spikedense.ReLU')
    config = tmp_path / 'twin_without_spikes.py'
    cfg.dump(config)
    checkpoint = tmp_path / 'random.pth'
    torch.save(dict(state_dict=build_model(cfg).state_dict(), meta={}), checkpoint)
    out = tmp_path / 'ann.html'
    words = [str(config), str(checkpoint), '--out', str(out), '--num-images', '1']
    report = report_tool(words)
    assert report['firing'] is None
    assert 'no spiking neuron' in out.read_text()
    capsys.readouterr()
    with pytest.raises(SystemExit):
        report_tool([*words, '--spikingjelly'])
    assert 'this model has none' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['--out', 'nowhere/report.html'], 'in a folder that exists'),
        (['--out', 'report.pdf'], 'ends in .html'),
        (['--data', 'nowhere'], "no file or folder 'nowhere'"),
        (['--data', 'random'], 'expected test or files'),
        (['--examples', '-1'], 'expected 0 or more'),
        (['--num-images', '0'], 'expected positive numbers'),
    ],
)
def test_refused_before_anything_runs(
    trained: tuple[str, str],
    report_tool: Callable,
    words: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stop:
        report_tool([*trained, *words])
    assert stop.value.code == 2
    (error,) = capsys.readouterr().err.splitlines()
    assert said in error
    assert not list(tmp_path.iterdir())


def test_missing_checkpoint(
    trained: tuple[str, str], report_tool: Callable, capsys: pytest.CaptureFixture
) -> None:
    with pytest.raises(SystemExit) as stop:
        report_tool([trained[0], 'nowhere.pth'])
    assert stop.value.code == 2
    assert capsys.readouterr().err == "error: there is no checkpoint 'nowhere.pth'\n"
    with pytest.raises(SystemExit, match='2'):
        report_tool([trained[0]])
    assert 'has no weights, expected the path of a checkpoint' in capsys.readouterr().err
