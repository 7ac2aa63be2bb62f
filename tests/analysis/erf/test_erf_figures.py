"""The figures of effective receptive fields, of made-up fields."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
from made_up_fields import HOSTILE, made_up
from PIL import Image

from spikedense.analysis.erf import plot as plot_module
from spikedense.analysis.erf.alignment import levels, pages
from spikedense.analysis.erf.canvas import Canvas
from spikedense.analysis.erf.displays import downscaled, logarithmic, ranks, relative
from spikedense.analysis.erf.figures import all_plots, write_figures
from spikedense.analysis.erf.map_plots import layer_plots
from spikedense.analysis.erf.plot import Plot
from spikedense.errors import UserError


def drawn(plot: Plot) -> Canvas:
    sheet = Canvas(plot.width, plot.height)
    plot.draw(sheet)
    return sheet


def named(plots: list[Plot], name: str) -> Plot:
    return next(plot for plot in plots if plot.name == name)


def text_of(svg: Path) -> str:
    return ' '.join(ElementTree.parse(svg).getroot().itertext())


def test_every_figure_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plot_module, 'FORMATS', ('svg',))
    results = [made_up('conv'), made_up(HOSTILE, decay=0.8)]
    files = write_figures(results, tmp_path / 'new' / 'folder')
    assert sorted(files) == sorted((tmp_path / 'new' / 'folder').iterdir())
    assert [file.stem for file in files] == [
        *('grid_linear', 'grid_log', 'areas', 'delays'),
        *('map_conv_stage0', 'map_conv_stage1', 'profiles_conv'),
        *('map_a-b-c-x_stage0', 'map_a-b-c-x_stage1', 'profiles_a-b-c-x'),
    ]
    said = {file.stem: text_of(file) for file in files}
    for name in ('grid_linear', 'grid_log', 'areas', 'delays'):
        for word in ('conv', HOSTILE, 'stage0', 'stage1'):
            assert word in said[name]
    area = results[0].metrics('stage1')['area@0.95']
    assert f'{100 * area:.1f} %' in said['areas']
    for word in ('v / max', 'log₁₀(1 + v / mean)', 'share of pixels < v', f'{100 * area:.1f} %'):
        assert word in said['map_conv_stage1']
    assert 'half-life' in said['delays']
    assert 'μ 10.0, σ 1.5 px' in said['profiles_conv']
    assert 'μ 8.0, σ 2.5 px' in said['profiles_conv']


def test_formats_open_and_equal_figures_are_equal_files(tmp_path: Path) -> None:
    (plot,) = layer_plots(made_up('conv', ['stage0']))
    files = []
    for folder in ('a', 'b'):
        (tmp_path / folder).mkdir()
        files.append({file.suffix: file for file in plot.save(tmp_path / folder)})
    assert set(files[0]) == {'.pdf', '.svg', '.png'}
    for suffix, file in files[0].items():
        assert file.read_bytes() == files[1][suffix].read_bytes()
    assert files[0]['.pdf'].read_bytes().startswith(b'%PDF')
    with Image.open(files[0]['.png']) as image:
        image.load()
        assert image.size == (990, pytest.approx(3.3 / 20 * 16 / 3 * 300 + 500, abs=150))


@pytest.mark.parametrize('kind', ['linear', 'log'])
def test_grid_has_one_scale(kind: str) -> None:
    plots = all_plots([made_up('narrow'), made_up('wide', ['stage1', 'stage2', 'stage3'])])
    axes = drawn(named(plots, f'grid_{kind}')).figure.axes
    maps = [one.images[0] for one in axes if one.images]
    assert len(maps) == 5
    assert len({image.get_clim() for image in maps}) == 1
    low, high = maps[0].get_clim()
    assert low == 0
    assert max(image.get_array().max() for image in maps) == pytest.approx(high)
    assert len(axes) - len(maps) == 1  # the scale
    table = named(plots, f'grid_{kind}').table
    assert table.columns[1:] == ('stage0', 'stage1', 'stage2', 'stage3')
    assert [[bool(cell) for cell in row[1:]] for row in table.rows] == [
        [True, True, False, False],
        [False, True, True, True],
    ]


def test_delays_have_one_scale_and_the_half_life() -> None:
    rising = made_up('rising', decay=2.0)
    plot = named(all_plots([made_up('none', t_out='all'), made_up('fading'), rising]), 'delays')
    axes = drawn(plot).figure.axes
    assert len({one.get_ylim() for one in axes}) == 1
    assert axes[0].get_ylim()[1] > 4
    assert [row[:3] for row in plot.table.rows] == [
        *(('stage0', 'fading', '1'), ('stage0', 'rising', '∞')),
        *(('stage1', 'fading', '1'), ('stage1', 'rising', '∞')),
    ]


def test_without_a_time_axis_there_are_no_delays() -> None:
    plots = all_plots([made_up('one step', steps=1)])
    assert not [plot for plot in plots if plot.name == 'delays']


def test_layers_of_one_name_stand_together() -> None:
    found = levels([made_up('a', ['s0', 's2', 's3']), made_up('b', ['s0', 's1', 's2'])])
    assert [level.title for level in found] == ['s0', 's1', 's2', 's3']
    assert found[1].layers == (None, 's1')
    found = levels([made_up('a', ['x', 'y']), made_up('b', ['u'])])
    assert [level.layers for level in found] == [('x', 'u'), ('y', None)]
    assert not any(level.shared for level in found)
    plots = all_plots([made_up('a', ['x', 'y']), made_up('b', ['u'])])
    assert [row[0] for row in named(plots, 'areas').table.rows] == ['x', 'u', 'y']
    assert len([one for one in drawn(named(plots, 'grid_log')).figure.axes if one.images]) == 3


def test_many_layers_get_several_figures() -> None:
    names = [f'layer{i}' for i in range(10)]
    plots = [plot.name for plot in all_plots([made_up('deep', names)])]
    assert {'grid_log_1', 'grid_log_2', 'areas_1', 'areas_2', 'profiles_deep_3'} <= set(plots)
    assert pages(names, 8) == [names[:5], names[5:]]


def test_equal_file_names_are_numbered() -> None:
    plots = all_plots([made_up('A b', ['x']), made_up('a-b', ['x'])])
    names = [plot.name.lower() for plot in plots]
    assert len(names) == len(set(names))


def test_a_layer_that_gets_no_gradient() -> None:
    dead = made_up('dead', ['x'], maps={'x': np.zeros((3, 16, 20))})
    plots = all_plots([dead])
    for plot in plots:
        drawn(plot)
    assert set(named(plots, 'map_dead_x').table.rows[0][1::2]) == {'–'}
    assert named(plots, 'profiles_dead').table.rows[0][2:] == ('–', '–', '–')


def test_displays() -> None:
    map = np.array([[0.0, 0.0], [2.0, 6.0]])
    np.testing.assert_allclose(relative(map), [[0, 0], [1 / 3, 1]])
    np.testing.assert_allclose(logarithmic(map), [[0, 0], [np.log10(2), np.log10(4)]])
    np.testing.assert_allclose(ranks(map), [[0, 0], [0.5, 0.75]])
    for display in (relative, logarithmic, ranks):
        assert not display(np.zeros((2, 2))).any()


def test_large_maps_are_drawn_as_means() -> None:
    map = np.arange(35.0).reshape(5, 7)
    assert downscaled(map, 7) is not None and (downscaled(map, 7) == map).all()
    small = downscaled(map, 3)  # blocks of 3 x 3, cut at the border
    assert small.shape == (2, 3)
    assert small[0, 0] == map[:3, :3].mean()
    assert small[1, 2] == map[3:, 6:].mean()


@pytest.mark.parametrize(
    ('models', 'said'),
    [([], '0 results'), (['a', 'b', 'a'], "two models are named 'a'")],
)
def test_refused(models: list[str], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        write_figures([made_up(model) for model in models], tmp_path / 'out')
    assert not list(tmp_path.iterdir())
