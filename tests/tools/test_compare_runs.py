"""The comparison of trained runs: which runs belong together, what is kept, table and figure."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tool_configs import load_tool

COUNTED = dict(parameters=1000, sops=2e6, energy=0.005, twin=0.05)


@pytest.fixture
def tool(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    folder = repo_root / 'tools' / 'dev'
    monkeypatch.syspath_prepend(str(folder))  # as Python does for a script
    return load_tool(folder / 'compare_runs.py')


def write_run(folder: Path, config: str, seed: int, score: float, T: int | None = None) -> None:
    run = folder / config / f'seed-{seed}'
    run.mkdir(parents=True)
    result = dict(
        config=f'configs/x/{config}.py',
        seed=seed,
        cfg_options=None if T is None else {'model.backbone.T': T},
        checkpoint=str(run / 'last.pth'),
        metrics=dict(mIoU=score),
        firing_rate=0.125,
    )
    (run / 'result.json').write_text(json.dumps(result))


def test_seeds_are_one_row_and_measurements_are_kept(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    for seed, score in ((0, 40.0), (1, 42.0)):
        write_run(tmp_path / 'a', 'net', seed, score)
    write_run(tmp_path / 'b', 'net', 0, 30.0, T=1)
    counted: list[str] = []

    def count(run: dict[str, Any], size: tuple[int, int]) -> dict[str, Any]:
        counted.append(run['checkpoint'])
        steps = (run['cfg_options'] or {'model.backbone.T': 4})['model.backbone.T']
        skipping = 0.02 if steps == 1 else None
        return dict(COUNTED, backbone='Net', neuron='LIF', T=steps, D=1, skipping=skipping)

    def measure(runs: list[dict[str, Any]], args: Any) -> list[dict[str, float]]:
        return [dict(forward=10.0, train_step=30.0, memory=100.0) for _ in runs]

    monkeypatch.setattr(tool, 'count', count)
    monkeypatch.setattr(tool, 'measure', measure)
    arguments = [str(tmp_path / 'a'), str(tmp_path / 'b'), '--out', str(tmp_path / 'out')]
    assert tool.main(arguments) == 0
    said = capsys.readouterr().out
    rows = [line for line in said.splitlines() if line.startswith('| Net')]
    assert rows == [
        f'| Net | LIF | {T} x 1 | 1,000 | {score} | 0.125 | 2.0 | 5.0 | 50.0 | {zeros} | 10 | 30 '
        '| 100 |'
        for T, score, zeros in ((1, '30.00', '20.0'), (4, '41.00 ± 1.41', '-'))
    ]
    for name in ('comparison.png', 'comparison.svg'):
        assert (tmp_path / 'out' / name).stat().st_size > 0
    assert len(counted) == 2
    monkeypatch.setattr(tool, 'measure', None)
    tool.main(arguments)
    assert len(counted) == 2, 'nothing is counted or timed again'


def test_a_folder_without_runs_is_told(tool: ModuleType, tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit):
        tool.main([str(tmp_path), '--out', str(tmp_path / 'out')])
    assert 'no result of train_seeds.py in' in capsys.readouterr().err
