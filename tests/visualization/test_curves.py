import json
import math
import os
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from spikedense.visualization.curves import Run, plot_runs, read_run, smooth


def write_scalars(run: Path, start: str, records: list[dict], tail: str = '') -> None:
    folder = run / start / 'vis_data'
    folder.mkdir(parents=True)
    text = ''.join(json.dumps(record) + '\n' for record in records)
    (folder / 'scalars.json').write_text(text + tail)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / 'my_run'
    train = [dict(lr=1e-3, loss=3.0 / step, iter=step, step=step) for step in (10, 20, 30)]
    val = [dict(aAcc=50.0, mIoU=20.0 + step, step=step) for step in (20, 30)]
    write_scalars(folder, '20260101_000000', train + val)
    return folder


def test_reads_loss_and_metric(run: Path) -> None:
    curves = read_run(run)
    assert curves.name == 'my_run'
    assert curves.loss == [(10, 0.3), (20, 0.15), (30, 0.1)]
    assert curves.metric == [(20, 40.0), (30, 50.0)]
    assert read_run(run, metric='aAcc').metric == [(20, 50.0), (30, 50.0)]
    file = run / '20260101_000000' / 'vis_data' / 'scalars.json'
    assert read_run(file) == curves


def test_a_resumed_run_continues_the_curve(run: Path) -> None:
    write_scalars(run, '20260102_000000', [dict(loss=9.0, step=30), dict(loss=8.0, step=40)])
    assert read_run(run).loss == [(10, 0.3), (20, 0.15), (30, 9.0), (40, 8.0)]
    assert read_run(run).metric == [(20, 40.0)]


def test_a_fresh_start_replaces_the_curve(run: Path) -> None:
    write_scalars(run, '20260102_000000', [dict(loss=9.0, step=5)])
    assert read_run(run).loss == [(5, 9.0)]


def test_a_line_cut_short_by_a_kill_is_left_out(tmp_path: Path) -> None:
    write_scalars(tmp_path, 't', [dict(loss=1.0, step=1)], tail='{"loss": 0.5, "st')
    assert read_run(tmp_path).loss == [(1, 1.0)]


def test_smooth_averages_and_skips_what_is_not_finite() -> None:
    assert smooth([1.0, 3.0, 5.0, 9.0], 1) == [1.0, 3.0, 5.0, 9.0]
    assert smooth([1.0, 3.0, 5.0, 10.0], 3) == [2.0, 3.0, 6.0, 7.5]
    assert smooth([1.0, math.inf, 5.0], 3) == [1.0, 3.0, 5.0]


def test_picture_shows_every_run(run: Path, tmp_path: Path) -> None:
    first = read_run(run)
    one, two = tmp_path / 'one.png', tmp_path / 'two.png'
    plot_runs([first], one)
    other = Run('other', [(10, 1.0), (30, 0.9)], [(20, 5.0)])
    plot_runs([first, other], two)
    blue, orange = (178, 114, 0), (0, 94, 213)  # the first two colours, BGR
    image_one, image_two = cv2.imread(str(one)), cv2.imread(str(two))
    assert (image_one == blue).all(-1).sum() > 100
    assert (image_one == orange).all(-1).sum() == 0
    assert (image_two == orange).all(-1).sum() > 100


def run_tool(repo_root: Path, *args: object) -> subprocess.CompletedProcess:
    command = [sys.executable, 'tools/analysis_tools/plot_curves.py', *map(str, args)]
    env = {**os.environ, 'PYTHONPATH': str(repo_root)}
    return subprocess.run(command, cwd=repo_root, env=env, capture_output=True, text=True)


def test_tool(run: Path, tmp_path: Path, repo_root: Path) -> None:
    out = tmp_path / 'curves.png'
    done = run_tool(repo_root, run, run, '--labels', 'SNN', 'ANN', '--out', out)
    assert done.returncode == 0, done.stderr
    assert out.stat().st_size > 1000


@pytest.mark.parametrize(
    ('extra', 'message'),
    [
        (['--labels', 'a', 'b'], 'expected one each'),
        (['--metric', 'PQ', '--window', '0'], 'expected at least 1'),
    ],
)
def test_tool_names_mistakes(
    run: Path, tmp_path: Path, repo_root: Path, extra: list[str], message: str
) -> None:
    out = tmp_path / 'curves.png'
    done = run_tool(repo_root, run, '--out', out, *extra)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not out.exists()


def test_missing_runs_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match='no such file or folder'):
        read_run(tmp_path / 'absent')
    with pytest.raises(FileNotFoundError, match='that spikedense train'):
        read_run(tmp_path)
