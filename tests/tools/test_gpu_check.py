"""The check that runs on a GPU: how it reports, and its small form on a CPU."""

import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest
from tool_configs import load_tool


@pytest.fixture
def gpu_check(repo_root: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of tools/dev/gpu_check.py, which imports the files beside it."""
    monkeypatch.syspath_prepend(repo_root / 'tools' / 'dev')
    return load_tool(repo_root / 'tools' / 'dev' / 'gpu_check.py')


def test_a_line_for_each_check(
    gpu_check: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def wrong(settings: object) -> str:
        raise AssertionError('two differ')

    def endless(settings: object) -> str:
        while True:
            time.sleep(0.01)

    checks = {'good': lambda settings: 'equal'}
    monkeypatch.setenv('DEMO_ROOT', str(tmp_path))  # main sets it where it is not set
    monkeypatch.setattr(gpu_check, 'all_checks', lambda: checks)
    arguments = ['--device', 'cpu', '--dry', '--out', str(tmp_path)]
    assert gpu_check.main(arguments) == 0
    assert 'PASS good: equal' in capsys.readouterr().out
    checks.update(wrong=wrong, endless=endless, late=endless)
    assert gpu_check.main([*arguments, '--minutes', '0.01']) == 1
    summary = (tmp_path / 'summary.txt').read_text()
    assert 'FAIL wrong: AssertionError: two differ' in summary
    assert summary.count('TimeoutError: the 0.01 minutes are over') == 2
    assert summary.endswith('1 passed, 3 failed\n')


def test_no_gpu(gpu_check: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    assert gpu_check.main([]) == 1
    assert capsys.readouterr().err == 'gpu_check: --device cuda: torch finds no GPU here\n'


@pytest.mark.slow
def test_small_form_on_a_cpu(repo_root: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            str(repo_root / 'tools/dev/gpu_check.sh'),
            '--device',
            'cpu',
            '--dry',
            '--out',
            str(tmp_path),
        ],
        # The wheels of a checkout may be those of another Python.
        env={**os.environ, 'PYTHON': sys.executable, 'WHEELS': str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
