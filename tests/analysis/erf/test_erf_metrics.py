"""The numbers of a field, on maps whose numbers are known."""

import math
from pathlib import Path

import numpy as np
import pytest

from spikedense.analysis.erf import ERFResult, metrics
from spikedense.analysis.erf.metrics import SHARES, area_curve, mass_area_curve, spatial_metrics
from spikedense.analysis.erf.profiles import center_profiles, fit_gaussian
from spikedense.errors import UserError

SIDE, CENTER = 41, (20, 20)


def gaussian(sigma: float, row: float = 20, side: int = SIDE) -> np.ndarray:
    rows, columns = np.arange(side)[:, None] - row, np.arange(side) - 20
    return np.exp(-(rows**2 + columns**2) / (2 * sigma**2))


def test_delta() -> None:
    delta = np.zeros((SIDE, SIDE))
    delta[CENTER] = 3
    found = spatial_metrics(delta, CENTER)
    pixel = 1 / SIDE**2
    for key in ('area', 'mass_area'):
        assert {found[f'{key}@{share:g}'] for share in SHARES} == {pixel}
    assert found['above@0.5'] == found['above@0.01'] == pixel
    assert (found['luo_size'], found['rms_radius'], found['drift']) == (1, 0, 0)
    assert found['entropy_ratio'] == pytest.approx(pixel)
    assert found['coverage_7'] == 1 / 49
    assert math.isnan(found['anisotropy'])


@pytest.mark.parametrize('shape', [(41, 41), (14, 28)])
def test_uniform(shape: tuple[int, int]) -> None:
    center = shape[0] // 2, shape[1] // 2
    found = spatial_metrics(np.full(shape, 0.1), center)
    pixels = math.prod(shape)
    for share in SHARES:
        assert found[f'mass_area@{share:g}'] == math.ceil(share * pixels - 1e-9) / pixels
        # A centred square of the share holds as much of the area.
        assert 0 <= found[f'area@{share:g}'] - share <= 4 / min(shape)
    keys = ('above@0.5', 'entropy_ratio', 'rms_radius_ratio', 'coverage_7')
    assert [found[key] for key in keys] == pytest.approx([1] * 4)
    assert found['luo_size'] == pytest.approx(math.sqrt(pixels))
    assert found['anisotropy'] == pytest.approx((shape[0] ** 2 - 1) / (shape[1] ** 2 - 1))


def test_gaussian() -> None:
    found = spatial_metrics(gaussian(3), CENTER)
    assert found['rms_radius'] == pytest.approx(3 * math.sqrt(2), rel=1e-3)
    assert found['anisotropy'] == pytest.approx(1)
    # The 2-sigma rule of Luo et al.: a disc of radius sigma * sqrt(2 ln(1 / 0.0455)).
    area = math.pi * 9 * 2 * math.log(1 / 0.0455)
    assert found['luo_size'] == pytest.approx(math.sqrt(area), rel=0.02)
    # exp(entropy) of a Gaussian in the plane is 2 pi e sigma^2.
    assert found['entropy_ratio'] * SIDE**2 == pytest.approx(2 * math.pi * math.e * 9, rel=1e-3)
    shifted = spatial_metrics(gaussian(3, row=15), CENTER)
    assert shifted['drift'] == pytest.approx(5, rel=1e-4)
    assert shifted['mass_area@0.5'] == pytest.approx(found['mass_area@0.5'], rel=1e-2)
    assert shifted['area@0.5'] > found['area@0.5']
    row, column = center_profiles(1e-9 * gaussian(3, row=15), CENTER)
    assert fit_gaussian(row)[1:] == pytest.approx((20, 3))
    assert fit_gaussian(column) == pytest.approx((1e-9, 15, 3))
    assert fit_gaussian(np.eye(5)[2]) is None


def test_four_bands_are_wide_but_thin() -> None:
    bands = np.zeros((40, 40))
    bands[4::10] = 1
    found = spatial_metrics(bands, CENTER)
    assert found['mass_area@0.99'] == pytest.approx(0.1, abs=0.002)
    assert found['area@0.95'] > 0.9
    assert [found[key] for key in ('above@0.5', 'entropy_ratio')] == pytest.approx([0.1] * 2)
    assert found['drift'] == pytest.approx(math.hypot(1, 0.5))


def test_curves_grow_and_stay_in_the_image() -> None:
    shares = np.linspace(0, 1, 21)
    map = np.random.default_rng(0).random((12, 30))
    for curve in (area_curve(map, shares, (6, 15)), mass_area_curve(map, shares)):
        assert (np.diff(curve) >= 0).all() and curve[0] > 0 and curve[-1] == 1
    assert area_curve(map, [1.0], (0, 0)) == [1.0]


def test_a_map_of_zeros_has_no_numbers() -> None:
    assert all(map(math.isnan, spatial_metrics(np.zeros((9, 9)), (4, 4)).values()))
    assert all(map(math.isnan, metrics.temporal_metrics(np.zeros(3)).values()))


def test_delays() -> None:
    found = metrics.temporal_metrics(np.array([4.0, 2.0, 2.0]))
    assert found['temporal_share@0'] == 0.5
    assert (found['memory'], found['half_life']) == (0.75, 1)
    assert metrics.half_life(np.array([1.0, 2.0])) == math.inf


# --- the result -----------------------------------------------------------------------------------


def result(**changes: object) -> ERFResult:
    map = gaussian(3)
    fields = dict(
        model='m',
        maps={'a.b[1]': np.stack([map, 2 * map, 4 * map]), 'zero': np.zeros((3, SIDE, SIDE))},
        centers={'a.b[1]': CENTER, 'zero': CENTER},
        sizes={'a.b[1]': (5, 5), 'zero': (5, 5)},
        t_out='last',
        num_images=2,
        inputs='noise',
        reduce='sum',
        neurons={'LIF()': '2 neurons'},
    )
    return ERFResult(**{**fields, **changes})


def test_delays_count_back_from_the_stimulus() -> None:
    total = gaussian(3).sum()
    assert result().temporal('a.b[1]') == pytest.approx([4 * total, 2 * total, total])
    assert result(t_out=1).temporal('a.b[1]') == pytest.approx([2 * total, total])
    both = result(t_out='all', temporal_maps=result().maps)
    assert both.temporal('a.b[1]') == pytest.approx([4 * total, 2 * total, total])
    assert both.metrics('a.b[1]')['half_life'] == 1


def test_no_field_in_time() -> None:
    with pytest.raises(ValueError, match="t_out='all', expected a run"):
        result(t_out='all').temporal('a.b[1]')
    still = result(maps={'a': np.ones((1, 4, 4))})
    assert not still.has_delays
    with pytest.raises(ValueError, match='one time step'):
        still.temporal('a')


def test_saved_results_are_whole_or_absent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = result(temporal_maps=result().maps, distance=dict(radius=5))
    saved.save(tmp_path / 'new')
    loaded = ERFResult.load(tmp_path / 'new')
    for name in ('maps', 'temporal_maps'):
        for layer, map in getattr(saved, name).items():
            assert np.array_equal(getattr(loaded, name).pop(layer), map)
        assert getattr(loaded, name) == {}
    for name in ('centers', 'sizes', 'neurons', 'distance', 't_out'):
        assert getattr(loaded, name) == getattr(saved, name)

    (tmp_path / 'new' / 'maps.npz').write_bytes(b'')
    for folder in ('new', 'nowhere'):
        with pytest.raises(UserError, match=f"{folder}' holds no receptive fields"):
            ERFResult.load(tmp_path / folder)

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(np, 'savez_compressed', stop)
    with pytest.raises(KeyboardInterrupt):
        saved.save(tmp_path / 'other')
    assert list((tmp_path / 'other').iterdir()) == []
