"""tools/dist_train.sh and dist_test.sh: two processes over gloo."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tool_configs import ITERATIONS, losses

pytestmark = pytest.mark.skipif(
    torch.cuda.is_available() and torch.cuda.device_count() < 2,
    reason='two processes need two GPUs here; on a CPU they share it',
)


def _run(script: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        'PYTHON': sys.executable,
        'MASTER_PORT': str(port),
        'OMP_NUM_THREADS': '1',
    }
    return subprocess.run(
        ['bash', str(script), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_two_processes_train(config: Path, repo_root: Path, tmp_path: Path) -> None:
    done = _run(
        *(repo_root / 'tools' / 'dist_train.sh', tmp_path, str(config), '2'),
        *('--work-dir', 'run', '--seed', '0'),
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(losses(tmp_path / 'run')) == ITERATIONS
    checkpoint = torch.load(tmp_path / 'run' / 'iter_4.pth', weights_only=False)
    assert not any(key.startswith('module.') for key in checkpoint['state_dict'])
    assert done.stdout.count('last checkpoint: ') == 1


def test_two_processes_test_as_one_does(
    trained: tuple[str, str], test_tool: Callable, repo_root: Path, tmp_path: Path
) -> None:
    script = repo_root / 'tools' / 'dist_test.sh'
    done = _run(script, tmp_path, *trained, '2', '--work-dir', 'two', '--out', 'maps')
    assert done.returncode == 0, done.stderr[-2000:]
    (written,) = (tmp_path / 'two').glob('*_*/*.json')
    two = json.loads(written.read_text())
    one = test_tool([*trained, '--work-dir', str(tmp_path / 'one')])
    assert two['mIoU'] == one['mIoU'] > 0
    assert len(list((tmp_path / 'maps').iterdir())) == 6
    assert not (tmp_path / '.dist_test').exists()


@pytest.mark.parametrize('name', ['dist_train', 'dist_test', 'slurm_train', 'slurm_test'])
def test_scripts_tell_their_usage(repo_root: Path, tmp_path: Path, name: str) -> None:
    done = _run(repo_root / 'tools' / f'{name}.sh', tmp_path)
    assert done.returncode == 2
    assert 'usage:' in done.stderr


@pytest.mark.parametrize('name', ['slurm_train', 'slurm_test'])
def test_slurm_scripts_hand_their_arguments_to_srun(
    repo_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    fake = tmp_path / 'bin' / 'srun'
    fake.parent.mkdir()
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    monkeypatch.setenv('PATH', f'{fake.parent}{os.pathsep}{os.environ["PATH"]}')
    monkeypatch.setenv('GPUS', '16')
    operands = ['a.py', 'b.pth'] if name == 'slurm_test' else ['a.py']
    script = repo_root / 'tools' / f'{name}.sh'
    done = _run(script, tmp_path, 'queue', 'job', *operands, '--seed', '1')
    words = done.stdout.split()
    assert {'--ntasks=16', '--job-name=job', '--gres=gpu:8'} <= set(words)
    tool = words.index(str(repo_root / 'tools' / f'{name.removeprefix("slurm_")}.py'))
    assert words[tool + 1 :] == [*operands, '--seed', '1', '--launcher', 'slurm']
