"""The comparison of configs over seeds: which runs it starts, and what it prints."""

import json
import subprocess
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from tool_configs import load_tool


@pytest.fixture
def tool(repo_root: Path) -> ModuleType:
    return load_tool(repo_root / 'tools' / 'dev' / 'train_seeds.py')


def test_means_and_spreads_of_the_runs(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    started = []

    def run(command: list[str], **_: Any) -> SimpleNamespace:
        """Writes the result of a run; one of the runs fails."""
        config, seed, out = command[2], int(command[4]), Path(command[6])
        started.append((config, seed))
        if (config, seed) == ('b.py', 2):
            return SimpleNamespace(returncode=1)
        options = json.loads(command[8])
        metrics = dict(mIoU=50.0 + seed)
        result = dict(config=config, seed=seed, metrics=metrics, firing_rate=0.25)
        result.update(cfg_options=options)
        (out / 'result.json').write_text(json.dumps(result))
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(subprocess, 'run', run)
    arguments = ['a.py', 'b.py', '--seeds', '0', '2', '--out', str(tmp_path)]
    assert tool.main(arguments) == 1, 'a run failed'
    assert started == [('a.py', 0), ('b.py', 0), ('a.py', 2), ('b.py', 2)]
    said = capsys.readouterr().out
    log = tmp_path / 'b' / 'seed-2' / 'log.txt'
    assert f'b, seed 2: exit code 1, see {log}' in said
    assert 'a: 2 runs; mIoU 51.00 +- 1.41 (50.00, 52.00); firing rate 0.250' in said
    assert 'b: 1 runs; mIoU 50.00 (50.00)' in said
    started.clear()
    tool.main(arguments)
    assert started == [('b.py', 2)], 'finished runs are not repeated'
    with pytest.raises(AssertionError, match='other options: take another --out'):
        tool.main([*arguments, '--cfg-options', 'model.backbone.T=1'])


def test_a_config_has_one_folder_however_it_is_named(
    tool: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    for name, score in (('net-2.7m-a', 50.0), ('net-2.7m-b', 60.0)):
        folder = tmp_path / name / 'seed-0'
        folder.mkdir(parents=True)
        result = dict(config=f'x/{name}.py', seed=0, metrics=dict(mIoU=score), firing_rate=None)
        (folder / 'result.json').write_text(json.dumps(result))
    monkeypatch.setattr(subprocess, 'run', None)  # nothing is trained again
    out = ['--seeds', '0', '--out', str(tmp_path)]
    assert tool.main(['configs/net-2.7m-a.py', 'net-2.7m-b', *out]) == 0
    said = capsys.readouterr().out
    assert 'net-2.7m-a: 1 runs; mIoU 50.00' in said and 'net-2.7m-b: 1 runs; mIoU 60.00' in said
    with pytest.raises(SystemExit):
        tool.main(['x/net-2.7m-a.py', 'y/net-2.7m-a.py', *out])
    assert 'net-2.7m-a is given twice' in capsys.readouterr().err
